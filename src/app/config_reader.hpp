#pragma once

#include "config_keys.hpp"
#include "flatsweep/base/error.hpp"

#include <toml++/toml.h>

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace flatsweep {

/// Visitor that fills a Config from a TOML table and complains with place, value and remedy.
class ConfigReader {
 public:
  ConfigReader(const toml::table& root, std::string source) : root_(root), source_(std::move(source)) {}

  void table(std::string_view name);
  void text(std::string_view key, std::string& value, KeyText);
  void path(std::string_view key, std::filesystem::path& value, KeyText);
  void text_or_texts(std::string_view key, std::vector<std::string>& value, KeyText);
  void optional_text(std::string_view key, std::string& value, KeyText says) { text(key, value, says); }
  void text_table(std::string_view key, std::map<std::string, std::string>& values, KeyText);
  void flag(std::string_view key, bool& value, KeyText);
  void texts(std::string_view key, std::vector<std::string>& value, KeyText);
  void count_or_all(std::string_view key, std::int64_t& value, KeyText);
  void architecture(std::string_view key, Architecture& value, KeyText);
  /// Lists of numbers from 0 to classes - 1.
  void class_lists(std::string_view key, std::vector<std::vector<int>>& values, int classes, KeyText);

  template <class T>
  void number(std::string_view key, T& value, Bounds<T> bounds, KeyText) {
    if (const auto* node = find(key)) value = read_number(*node, full(key), bounds);
  }
  template <class E>
  void choice(std::string_view key, E& value, KeyText) {
    if (const auto* node = find(key)) value = read_choice<E>(*node, full(key));
  }
  template <class T>
  void axis(std::string_view key, std::vector<T>& values, Bounds<T> bounds, KeyText) {
    read_axis(key, values,
              [&](const toml::node& node, const std::string& name) { return read_number(node, name, bounds); });
  }
  template <class E>
  void choice_axis(std::string_view key, std::vector<E>& values, KeyText) {
    read_axis(key, values, [&](const toml::node& node, const std::string& name) { return read_choice<E>(node, name); });
  }

  /// Every key of the file must have been asked for.
  void reject_unknown_keys() const;
  /// Complains of the key's value as it was given, if it was: "table.key = value <message>".
  void reject_if_given(std::string_view table, std::string_view key, const std::string& message) const;

 private:
  [[nodiscard]] const toml::node* find(std::string_view key);
  /// The table of this name, or the table within a table: "train", "train.schedule".
  [[nodiscard]] const toml::node* find_table(std::string_view name) const;
  [[nodiscard]] std::string full(std::string_view key) const {
    return table_.empty() ? std::string(key) : table_ + "." + std::string(key);
  }
  [[noreturn]] void fail(const toml::node& node, const std::string& message) const;
  [[nodiscard]] std::string place(const toml::node& node) const;
  /// Runs `read`; what it complains of is said with the place and name of `node`.
  template <class Read>
  auto at(const toml::node& node, const std::string& name, Read read) const {
    try {
      return read();
    } catch (const ConfigError& error) {
      fail(node, name + ": " + error.what());
    }
  }
  [[nodiscard]] std::int64_t read_integer(const toml::node& node, const std::string& name, std::int64_t low,
                                          std::int64_t high) const;
  [[nodiscard]] double read_real(const toml::node& node, const std::string& name, double low, double high) const;
  [[nodiscard]] std::string read_text(const toml::node& node, const std::string& name) const;
  [[nodiscard]] Architecture read_architecture(const toml::node& node, const std::string& name) const;
  [[nodiscard]] std::vector<LayerSpec> read_layers(const toml::array& list, const std::string& name) const;
  /// Before the values are looked at.
  void check_length(const toml::array& list, const std::string& name, std::size_t most) const;
  [[noreturn]] void fail_choice(const toml::node& node, const std::string& name,
                                const std::vector<std::string_view>& names) const;
  [[noreturn]] void reject_loose_key(const std::string& name, const toml::node& node) const;
  /// What may have been meant by a key that its table does not have.
  [[nodiscard]] std::string advice_for(const std::string& table, std::string_view key) const;
  void reject_unknown_in(const std::string& table, const toml::table& entries) const;

  template <class T>
  T read_number(const toml::node& node, const std::string& name, Bounds<T> bounds) const {
    if constexpr (std::is_integral_v<T>)
      return static_cast<T>(read_integer(node, name, bounds.low, bounds.high));
    else
      return read_real(node, name, bounds.low, bounds.high);
  }

  template <WordedEnum E>
  E read_choice(const toml::node& node, const std::string& name) const {
    if (const auto* text = node.as_string())
      if (const auto value = from_word<E>(text->get())) return *value;
    std::vector<std::string_view> words;
    for (const auto& row : enum_words<E>) words.push_back(row.word);
    fail_choice(node, name, words);
  }

  template <class T, class Read>
  void read_axis(std::string_view key, std::vector<T>& values, Read read, std::size_t most = limits::list_values) {
    if (const auto* node = find(key)) values = read_list<T>(*node, full(key), read, most);
  }
  template <class T, class Read>
  std::vector<T> read_list(const toml::node& node, const std::string& name, Read read,
                           std::size_t most = limits::list_values) const {
    const auto* list = node.as_array();
    if (list == nullptr) {
      read(node, name);  // says what is wrong with a value that no list could hold
      fail(node, name + " must be a list of values, for example [ " + to_string(node) + " ]");
    }
    if (list->empty()) fail(node, name + " = [] is an axis without values; give it some or remove it");
    check_length(*list, name, most);
    std::vector<T> values;
    std::set<T> known;
    for (std::size_t i = 0; i < list->size(); ++i) {
      values.push_back(read(*list->get(i), name + "[" + std::to_string(i) + "]"));
      if (!known.insert(values.back()).second)
        fail(*list->get(i), name + " has the value " + to_string(*list->get(i)) + " twice; remove one");
    }
    return values;
  }

  [[nodiscard]] static std::string to_string(const toml::node& node);

  const toml::table& root_;
  std::string source_;
  std::string table_;
  std::map<std::string, std::set<std::string>> known_;
};

}  // namespace flatsweep
