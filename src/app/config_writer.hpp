#pragma once

#include "config_keys.hpp"
#include "toml_text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace flatsweep {

/// Visitor that writes the configuration as TOML, every key with its value.
class ConfigWriter {
 public:
  void table(std::string_view name) {
    if (!name.empty()) text_ += fmt::format("{}[{}]\n", text_.empty() ? "" : "\n", name);
  }
  void text(std::string_view key, const std::string& value, KeyText) { line(key, quote(value)); }
  void path(std::string_view key, const std::filesystem::path& value, KeyText) { line(key, quote(value.string())); }
  /// Like the next two: nothing stands for nothing.
  void text_or_texts(std::string_view key, const std::vector<std::string>& values, KeyText says) {
    if (values.size() == 1) return text(key, values.front(), says);
    if (!values.empty()) texts(key, values, says);
  }
  void optional_text(std::string_view key, const std::string& value, KeyText says) {
    if (!value.empty()) text(key, value, says);
  }
  void text_table(std::string_view key, const std::map<std::string, std::string>& values, KeyText) {
    std::vector<std::string> entries;
    for (const auto& [name, value] : values) entries.push_back(fmt::format("{} = {}", quote(name), quote(value)));
    if (!entries.empty()) line(key, fmt::format("{{ {} }}", fmt::join(entries, ", ")));
  }
  void flag(std::string_view key, bool value, KeyText) { line(key, value ? "true" : "false"); }
  void texts(std::string_view key, const std::vector<std::string>& values, KeyText) {
    list(key, values, [](const std::string& v) { return quote(v); });
  }
  void count_or_all(std::string_view key, std::int64_t value, KeyText) {
    line(key, value == 0 ? quote("all") : std::to_string(value));
  }
  void architecture(std::string_view key, const Architecture& value, KeyText) {
    if (value.name != "custom") return line(key, quote(value.name));
    list(key, value.layers, [](const LayerSpec& layer) { return quote(to_string(layer)); });
  }
  void class_lists(std::string_view key, const std::vector<std::vector<int>>& values, int, KeyText) {
    list(key, values, [](const auto& classes) { return fmt::format("[{}]", fmt::join(classes, ", ")); });
  }
  template <class T>
  void number(std::string_view key, T value, Bounds<T>, KeyText) {
    line(key, print(value));
  }
  template <class E>
  void choice(std::string_view key, E value, KeyText) {
    line(key, quote(to_string(value)));
  }
  template <class T>
  void axis(std::string_view key, const std::vector<T>& values, Bounds<T>, KeyText) {
    if (!values.empty()) list(key, values, [](T v) { return print(v); });
  }
  template <class E>
  void choice_axis(std::string_view key, const std::vector<E>& values, KeyText) {
    if (!values.empty()) list(key, values, [](E v) { return quote(to_string(v)); });
  }
  [[nodiscard]] const std::string& get() const { return text_; }

 private:
  // The shortest digits that read back as the same number, with a point so that it stays a real number in TOML.
  static std::string print(double value) {
    auto text = fmt::format("{}", value);
    return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;
  }
  static std::string print(std::int64_t value) { return std::to_string(value); }
  static std::string print(int value) { return std::to_string(value); }
  void line(std::string_view key, std::string_view value) { text_ += fmt::format("{} = {}\n", key, value); }
  void list(std::string_view key, const auto& values, auto to_text) {
    std::vector<std::string> texts;
    for (const auto& value : values) texts.push_back(to_text(value));
    line(key, fmt::format("[{}]", fmt::join(texts, ", ")));
  }
  std::string text_;
};

}  // namespace flatsweep
