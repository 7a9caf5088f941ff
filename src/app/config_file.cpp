#include "flatsweep/app/config_file.hpp"

#include "config_reader.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/base/limits.hpp"
#include "flatsweep/base/regular_file.hpp"
#include "toml_text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace flatsweep {

namespace {

template <class E>
std::string_view name_of(E value, const Choices<E>& choices) {
  return std::ranges::find(choices, value, &std::pair<std::string_view, E>::second)->first;
}

/// Visitor that writes the configuration as TOML, every key with its value.
class ConfigWriter {
 public:
  void table(std::string_view name) {
    if (!name.empty()) text_ += fmt::format("{}[{}]\n", text_.empty() ? "" : "\n", name);
  }
  void text(std::string_view key, const std::string& value) { line(key, quote(value)); }
  void path(std::string_view key, const std::filesystem::path& value) { line(key, quote(value.string())); }
  void flag(std::string_view key, bool value) { line(key, value ? "true" : "false"); }
  void texts(std::string_view key, const std::vector<std::string>& values) {
    list(key, values, [](const std::string& v) { return quote(v); });
  }
  void count_or_all(std::string_view key, std::int64_t value) {
    line(key, value == 0 ? quote("all") : std::to_string(value));
  }
  void architecture(std::string_view key, const Architecture& value) {
    if (value.name != "custom") return line(key, quote(value.name));
    list(key, value.layers, [](const LayerSpec& layer) { return quote(flatsweep::to_string(layer)); });
  }
  void class_lists(std::string_view key, const std::vector<std::vector<int>>& values, int) {
    list(key, values, [](const auto& classes) { return fmt::format("[{}]", fmt::join(classes, ", ")); });
  }
  template <class T>
  void number(std::string_view key, T value, Bounds<T>) {
    line(key, print(value));
  }
  template <class E>
  void choice(std::string_view key, E value, const Choices<E>& choices) {
    line(key, quote(name_of(value, choices)));
  }
  template <class T>
  void axis(std::string_view key, const std::vector<T>& values, Bounds<T>) {
    if (!values.empty()) list(key, values, [](T v) { return print(v); });
  }
  template <class E>
  void choice_axis(std::string_view key, const std::vector<E>& values, const Choices<E>& choices) {
    if (!values.empty()) list(key, values, [&](E v) { return quote(name_of(v, choices)); });
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

/// Visitor that lists the keys.
class KeyLister {
 public:
  void table(std::string_view name) { table_ = name; }
  void text(std::string_view key, auto&&...) { add(key); }
  void path(std::string_view key, auto&&...) { add(key); }
  void flag(std::string_view key, auto&&...) { add(key); }
  void texts(std::string_view key, auto&&...) { add(key); }
  void count_or_all(std::string_view key, auto&&...) { add(key); }
  void architecture(std::string_view key, auto&&...) { add(key); }
  void class_lists(std::string_view key, auto&&...) { add(key); }
  void number(std::string_view key, auto&&...) { add(key); }
  void choice(std::string_view key, auto&&...) { add(key); }
  void axis(std::string_view key, auto&&...) { add(key); }
  void choice_axis(std::string_view key, auto&&...) { add(key); }
  std::vector<std::string> keys;

 private:
  void add(std::string_view key) {
    keys.push_back(table_.empty() ? std::string(key) : table_ + "." + std::string(key));
  }
  std::string table_;
};

std::string write_config(Config config) {
  ConfigWriter writer;
  describe_config(config, writer);
  return writer.get();
}

void assign(toml::table& root, toml::table change) {
  for (auto&& [key, node] : change) {
    auto* inner = root.get_as<toml::table>(key);
    auto* new_inner = node.as_table();
    if (inner != nullptr && new_inner != nullptr)
      assign(*inner, std::move(*new_inner));
    else
      root.insert_or_assign(key, std::move(node));
  }
}

/// Axes that the study does not use would train the same network several times.
void check_axes_of_study(const Config& config, const ConfigReader& reader) {
  const bool noise = config.study == Study::noise;
  const auto message =
      fmt::format("does nothing in the study \"{}\"; remove it", name_of(config.study, study_choices()));
  if (config.study != Study::landscape) reader.reject_if_given("grid", "psi", message);
  for (const auto* axis : {"noise_method", "noise_strength"})
    if (!noise) reader.reject_if_given("grid", axis, message);
  if (config.study != Study::landscape && config.pooled_pca.measure)
    reader.reject_if_given("pooled_pca", "measure", message);
}

void check_together(const Config& config, const ConfigReader& reader, const std::string& source) {
  check_axes_of_study(config, reader);
  if (!config.network.architecture.is_mlp())
    for (const auto* axis : {"width", "hidden_layers"})
      reader.reject_if_given("grid", axis,
                             "does nothing where network.architecture is not \"mlp\"; remove one of the two");
  if (config.flatness.fit_last <= config.flatness.fit_first)
    throw ConfigError(fmt::format("{}: flatness.fit_last = {} must be more than flatness.fit_first = {}", source,
                                  config.flatness.fit_last, config.flatness.fit_first));
}

std::string fingerprint_of(Config config) {
  config.run = {};
  config.data.root = "data";
  return write_config(config);
}

}  // namespace

Config parse_config(std::string_view text, const std::string& source, const std::vector<std::string>& assignments) {
  auto root = parse_toml(text, source);
  for (const auto& assignment : assignments) assign(root, parse_assignment(assignment));
  Config config;
  ConfigReader reader(root, source);
  describe_config(config, reader);
  reader.reject_unknown_keys();
  check_together(config, reader, source);
  config.resolved = write_config(config);
  config.fingerprint = fingerprint_of(config);
  return config;
}

std::string read_config_text(const std::filesystem::path& file) {
  try {
    return read_regular(file, limits::config_bytes);
  } catch (const IoError& error) {
    throw ConfigError(
        fmt::format("{}: the configuration file cannot be read: {}; is the name right?", file.string(), error.what()));
  }
}

std::vector<std::string> config_keys() {
  Config config;
  KeyLister lister;
  describe_config(config, lister);
  return lister.keys;
}

}  // namespace flatsweep
