#include "flatsweep/app/key_reference.hpp"

#include "config_writer.hpp"
#include "flatsweep/base/error.hpp"
#include "nearest_name.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <type_traits>
#include <utility>

namespace flatsweep {

namespace {

template <class T>
std::string text_of(T number) {
  const double size = std::log10(number);
  const bool power = number >= T(1000000) && size == std::floor(size);
  return power ? fmt::format("10^{}", std::lround(size)) : fmt::format("{}", number);
}

template <class T>
std::string range_of(const Bounds<T>& bounds) {
  const bool above_zero = std::is_floating_point_v<T> && bounds.low == T(positive);
  const bool open = bounds.high >= T(std::numeric_limits<int>::max());
  if (above_zero) return open ? "more than 0" : fmt::format("more than 0, to {}", text_of(bounds.high));
  return open ? fmt::format("{} or more", text_of(bounds.low))
              : fmt::format("{} to {}", text_of(bounds.low), text_of(bounds.high));
}

template <WordedEnum E>
std::vector<KeyChoice> choices_of() {
  std::vector<KeyChoice> choices;
  for (const auto& row : enum_words<E>) choices.push_back({std::string(row.word), std::string(row.sentence)});
  return choices;
}

std::string sentence_of(KeyText says) {
  return says.in_place_of.empty() ? std::string(says.sentence)
                                  : fmt::format("axis of {}: {}", says.in_place_of, says.sentence);
}

/// Visitor that describes every key; of its value it has the writer say the default.
class KeyDescriber {
 public:
  void table(std::string_view name) { table_ = name; }
  void text(std::string_view key, const std::string& value, KeyText says) {
    add(key, "text", "not empty", says).standard = written([&](auto& w) { w.text(key, value, says); });
  }
  void path(std::string_view key, const std::filesystem::path& value, KeyText says) {
    add(key, "text", "not empty", says).standard = written([&](auto& w) { w.path(key, value, says); });
  }
  void text_or_texts(std::string_view key, const std::vector<std::string>&, KeyText says) {
    add(key, "text or list of texts", "not empty", says);
  }
  void optional_text(std::string_view key, const std::string&, KeyText says) { add(key, "text", "not empty", says); }
  void text_table(std::string_view key, const std::map<std::string, std::string>&, KeyText says) {
    add(key, "table of texts", "", says);
  }
  void flag(std::string_view key, bool value, KeyText says) {
    auto& description = add(key, "flag", "", says);
    description.choices = {{"true", ""}, {"false", ""}};
    description.standard = written([&](auto& w) { w.flag(key, value, says); });
  }
  void texts(std::string_view key, const std::vector<std::string>& value, KeyText says) {
    add(key, "list of texts", "", says).standard = written([&](auto& w) { w.texts(key, value, says); });
  }
  void count_or_all(std::string_view key, std::int64_t value, KeyText says) {
    add(key, "integer or \"all\"", "1 or more", says).standard =
        written([&](auto& w) { w.count_or_all(key, value, says); });
  }
  void architecture(std::string_view key, const Architecture& value, KeyText says) {
    add(key, "name or list of layers", "", says).standard = written([&](auto& w) { w.architecture(key, value, says); });
  }
  void class_lists(std::string_view key, const std::vector<std::vector<int>>& value, int classes, KeyText says) {
    add(key, "list of lists of integers", fmt::format("0 to {}", classes - 1), says).standard =
        written([&](auto& w) { w.class_lists(key, value, classes, says); });
  }
  template <class T>
  void number(std::string_view key, T value, Bounds<T> bounds, KeyText says) {
    add(key, std::is_integral_v<T> ? "integer" : "number", range_of(bounds), says).standard =
        written([&](auto& w) { w.number(key, value, bounds, says); });
  }
  template <class E>
  void choice(std::string_view key, E value, KeyText says) {
    auto& description = add(key, "choice", "", says);
    description.choices = choices_of<E>();
    description.standard = written([&](auto& w) { w.choice(key, value, says); });
  }
  template <class T>
  void axis(std::string_view key, const std::vector<T>& value, Bounds<T> bounds, KeyText says) {
    add(key, std::is_integral_v<T> ? "list of integers" : "list of numbers", range_of(bounds), says).standard =
        written([&](auto& w) { w.axis(key, value, bounds, says); });
  }
  template <class E>
  void choice_axis(std::string_view key, const std::vector<E>& value, KeyText says) {
    auto& description = add(key, "list of choices", "", says);
    description.choices = choices_of<E>();
    description.standard = written([&](auto& w) { w.choice_axis(key, value, says); });
  }
  std::vector<KeyDescription> keys;

 private:
  KeyDescription& add(std::string_view key, std::string type, std::string range, KeyText says) {
    if (!says.unit.empty()) range += fmt::format("{}{}", range.empty() ? "" : ", ", says.unit);
    keys.push_back({table_, std::string(key), std::move(type), {}, std::move(range), sentence_of(says), {}});
    return keys.back();
  }
  /// What stands behind "key = ".
  static std::string written(auto write) {
    ConfigWriter writer;
    write(writer);
    const auto& line = writer.get();
    return line.empty() ? "" : line.substr(line.find(" = ") + 3, line.size() - line.find(" = ") - 4);
  }
  std::string table_;
};

std::string help_of(const KeyDescription& key) {
  std::string text = key.name();
  if (!key.standard.empty()) text += " = " + key.standard;
  text += fmt::format("\n    {}{}{}\n    {}\n", key.type, key.range.empty() ? "" : ": ", key.range, key.sentence);
  for (const auto& choice : key.choices)
    text += fmt::format("      {}{}{}\n", choice.word, choice.sentence.empty() ? "" : ": ", choice.sentence);
  return text;
}

}  // namespace

std::vector<KeyDescription> describe_keys() {
  Config config;
  KeyDescriber describer;
  describe_config(config, describer);
  return describer.keys;
}

std::vector<std::string> config_keys() {
  std::vector<std::string> names;
  for (const auto& key : describe_keys()) names.push_back(key.name());
  return names;
}

std::string help_keys(std::string_view name) {
  std::string text;
  for (const auto& key : describe_keys())
    if (name.empty() || key.name() == name) text += help_of(key);
  if (!text.empty()) return text;
  const auto meant = nearest_name(name, config_keys());
  throw ConfigError(fmt::format("command line: {} is not a key that flatsweep knows; {}", name,
                                meant ? "did you mean " + *meant + "?" : "flatsweep --help-keys lists all"));
}

}  // namespace flatsweep
