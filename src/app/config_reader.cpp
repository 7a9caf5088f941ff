#include "config_reader.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/text.hpp"
#include "nearest_name.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <sstream>

namespace flatsweep {

// As the user may have written it: the shortest digits, texts in double quotes; the beginning of what is long.
std::string ConfigReader::to_string(const toml::node& node) {
  if (const auto* real = node.as_floating_point()) {
    const auto digits = fmt::format("{}", real->get());
    return digits.find_first_of(".en") == std::string::npos ? digits + ".0" : digits;
  }
  if (const auto* string = node.as_string()) return '"' + shortened(string->get(), limits::shown_bytes) + '"';
  std::ostringstream text;
  node.visit([&](const auto& n) {
    if constexpr (requires { text << n; }) text << n;
  });
  return shortened(text.str(), limits::shown_bytes);
}

std::string ConfigReader::place(const toml::node& node) const {
  const auto& begin = node.source().begin;
  // Assignments from the command line have no file behind them.
  if (node.source().path && *node.source().path != source_) return *node.source().path;
  return fmt::format("{}:{}:{}", source_, begin.line, begin.column);
}

void ConfigReader::fail(const toml::node& node, const std::string& message) const {
  throw ConfigError(printable(fmt::format("{}: {}", place(node), message)));
}

void ConfigReader::fail_choice(const toml::node& node, const std::string& name,
                               const std::vector<std::string_view>& names) const {
  fail(node, fmt::format("{} = {} is not one of \"{}\"", name, to_string(node), fmt::join(names, "\", \"")));
}

const toml::node* ConfigReader::find_table(std::string_view name) const {
  const auto dot = name.find('.');
  const auto* node = root_.get(name.substr(0, dot));
  if (node == nullptr || dot == std::string_view::npos) return node;
  return node->is_table() ? node->as_table()->get(name.substr(dot + 1)) : nullptr;
}

const toml::node* ConfigReader::find(std::string_view key) {
  known_[table_].insert(std::string(key));
  if (table_.empty()) return root_.get(key);
  const auto* table = find_table(table_);
  return table == nullptr ? nullptr : table->as_table()->get(key);
}

void ConfigReader::table(std::string_view name) {
  table_ = name;
  known_[table_];
  if (const auto dot = name.find('.'); dot != std::string_view::npos)
    known_[std::string(name.substr(0, dot))].insert(std::string(name.substr(dot + 1)));
  const auto* node = find_table(name);
  if (node != nullptr && !node->is_table())
    fail(*node, fmt::format("{} must be a table: write [{}] on a line of its own", name, name));
}

std::int64_t ConfigReader::read_integer(const toml::node& node, const std::string& name, std::int64_t low,
                                        std::int64_t high) const {
  if (!node.is_integer()) fail(node, fmt::format("{} = {} must be a whole number", name, to_string(node)));
  const auto value = *node.value<std::int64_t>();
  if (value < low) fail(node, fmt::format("{} = {} must be {} or more", name, value, low));
  if (value > high) fail(node, fmt::format("{} = {} must be {} or less", name, value, high));
  return value;
}

double ConfigReader::read_real(const toml::node& node, const std::string& name, double low, double high) const {
  if (!node.is_number()) fail(node, fmt::format("{} = {} must be a number", name, to_string(node)));
  const double value = *node.value<double>();
  if (!(value >= low))
    fail(node, fmt::format("{} = {} must be {}", name, to_string(node),
                           low == positive ? "more than 0" : fmt::format("{:g} or more", low)));
  if (std::isinf(value)) fail(node, fmt::format("{} = {} must be finite", name, to_string(node)));
  if (!(value <= high)) fail(node, fmt::format("{} = {} must be {:g} or less", name, to_string(node), high));
  return value;
}

std::string ConfigReader::read_text(const toml::node& node, const std::string& name) const {
  if (!node.is_string()) fail(node, fmt::format("{} = {} must be a text in quotes", name, to_string(node)));
  auto value = *node.value<std::string>();
  if (value.empty()) fail(node, name + " is empty; give it a value or remove it");
  if (value.size() > limits::text_bytes)
    fail(node, fmt::format("{} has {} bytes; {} are the most", name, value.size(), limits::text_bytes));
  if (value.find('\0') != std::string::npos)
    fail(node, fmt::format("{} = {} holds the character U+0000, which ends a text; remove it", name, to_string(node)));
  return value;
}

void ConfigReader::check_length(const toml::array& list, const std::string& name, std::size_t most) const {
  if (list.size() > most)
    fail(list, fmt::format("{} has {} values; {} are the most, take fewer", name, list.size(), most));
}

void ConfigReader::text(std::string_view key, std::string& value, KeyText) {
  if (const auto* node = find(key)) value = read_text(*node, full(key));
}

void ConfigReader::path(std::string_view key, std::filesystem::path& value, KeyText) {
  if (const auto* node = find(key)) value = read_text(*node, full(key));
}

void ConfigReader::text_or_texts(std::string_view key, std::vector<std::string>& value, KeyText says) {
  const auto* node = find(key);
  if (node == nullptr) return;
  if (node->is_array()) return texts(key, value, says);
  value = {read_text(*node, full(key))};
}

void ConfigReader::text_table(std::string_view key, std::map<std::string, std::string>& values, KeyText) {
  const auto* node = find(key);
  if (node == nullptr) return;
  const auto* entries = node->as_table();
  if (entries == nullptr)
    fail(*node,
         fmt::format("{0} = {1} must be a table: write [{0}] on a line of its own", full(key), to_string(*node)));
  if (entries->size() > limits::list_values)
    fail(*node, fmt::format("{} has {} entries; {} are the most", full(key), entries->size(), limits::list_values));
  values.clear();
  for (const auto& [name, entry] : *entries)
    values[std::string(name.str())] =
        read_text(entry, fmt::format("{}.{}", full(key), shortened(name.str(), limits::shown_bytes)));
}

void ConfigReader::flag(std::string_view key, bool& value, KeyText) {
  const auto* node = find(key);
  if (node == nullptr) return;
  if (!node->is_boolean()) fail(*node, fmt::format("{} = {} must be true or false", full(key), to_string(*node)));
  value = *node->value<bool>();
}

void ConfigReader::texts(std::string_view key, std::vector<std::string>& value, KeyText) {
  read_axis(key, value, [&](const toml::node& node, const std::string& name) { return read_text(node, name); });
}

void ConfigReader::count_or_all(std::string_view key, std::int64_t& value, KeyText) {
  const auto* node = find(key);
  if (node == nullptr) return;
  if (node->value<std::string>() == std::optional<std::string>("all")) {
    value = 0;
    return;
  }
  if (!node->is_integer() || *node->value<std::int64_t>() < 1)
    fail(*node, fmt::format("{} = {} must be \"all\" or a whole number of 1 or more", full(key), to_string(*node)));
  value = read_integer(*node, full(key), 1, most_directions);
}

void ConfigReader::architecture(std::string_view key, Architecture& value, KeyText) {
  if (const auto* node = find(key)) value = read_architecture(*node, full(key));
}

void ConfigReader::class_lists(std::string_view key, std::vector<std::vector<int>>& values, int classes, KeyText) {
  const auto read_class = [&](const toml::node& node, const std::string& name) {
    return read_integer(node, name, 0, classes - 1);
  };
  read_axis(
      key, values,
      [&](const toml::node& node, const std::string& name) { return read_list<int>(node, name, read_class); },
      limits::tasks);
}

Architecture ConfigReader::read_architecture(const toml::node& node, const std::string& name) const {
  if (const auto* list = node.as_array()) return {"custom", read_layers(*list, name)};
  if (!node.is_string())
    fail(node, fmt::format("{} = {} must be a name in quotes or a list of layers, for example "
                           "[\"conv 16 kernel 3 padding 1\", \"pool 2\", \"fc 100\"]",
                           name, to_string(node)));
  return at(node, name, [&] { return named_architecture(*node.value<std::string>()); });
}

std::vector<LayerSpec> ConfigReader::read_layers(const toml::array& list, const std::string& name) const {
  if (list.empty()) fail(list, name + " = [] has no layer; give it some or remove it");
  check_length(list, name, limits::layers);
  std::vector<LayerSpec> layers;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const auto& node = *list.get(i);
    const auto element = fmt::format("{}[{}]", name, i);
    const auto text = read_text(node, element);
    at(node, element, [&] {
      const auto layer = parse_layer_spec(text);
      check_order(layers, layer);
      layers.push_back(layer);
    });
  }
  return layers;
}

void ConfigReader::reject_if_given(std::string_view table, std::string_view key, const std::string& message) const {
  const auto* values = find_table(table);
  const auto* node = values == nullptr || !values->is_table() ? nullptr : values->as_table()->get(key);
  if (node != nullptr) fail(*node, fmt::format("{}.{} = {} {}", table, key, to_string(*node), message));
}

std::string ConfigReader::advice_for(const std::string& table, std::string_view key) const {
  const auto& known = known_.at(table);
  const std::vector<std::string> names(known.begin(), known.end());
  if (const auto name = nearest_name(key, names)) return fmt::format("did you mean {}.{}?", table, *name);
  for (const auto& [other, keys] : known_)
    if (!other.empty() && keys.contains(std::string(key))) return fmt::format("did you mean {}.{}?", other, key);
  return fmt::format("[{}] has {}", table, fmt::join(names, ", "));
}

void ConfigReader::reject_unknown_in(const std::string& table, const toml::table& entries) const {
  for (const auto& [key, node] : entries) {
    if (known_.at(table).contains(std::string(key.str()))) continue;
    fail(node, fmt::format("{}.{} is not a key that flatsweep knows; {}", table,
                           shortened(key.str(), limits::shown_bytes), advice_for(table, key.str())));
  }
}

void ConfigReader::reject_loose_key(const std::string& name, const toml::node& node) const {
  // A single value belongs to a table of values, a list to the axes.
  for (const auto& [table, keys] : known_)
    if (keys.contains(name) && (table == "grid") == node.is_array())
      fail(node, fmt::format("{} stands outside of any table; write it below [{}]", name, table));
  fail(node, fmt::format("{} stands outside of any table; write it below the line that names its table",
                         shortened(name, limits::shown_bytes)));
}

void ConfigReader::reject_unknown_keys() const {
  std::vector<std::string> tables;
  for (const auto& [name, keys] : known_)
    if (!name.empty()) tables.push_back(name);
  for (const auto& [key, node] : root_) {
    const std::string name(key.str());
    if (known_.at("").contains(name)) continue;
    if (!node.is_table()) reject_loose_key(name, node);
    if (!known_.contains(name)) {
      const auto meant = nearest_name(name, tables);
      fail(node, fmt::format("{} is not a table that flatsweep knows; {}", shortened(name, limits::shown_bytes),
                             meant ? fmt::format("did you mean [{}]?", *meant)
                                   : fmt::format("there are [{}]", fmt::join(tables, "], ["))));
    }
    reject_unknown_in(name, *node.as_table());
  }
  for (const auto& name : tables)
    if (const auto* inner = name.find('.') == std::string::npos ? nullptr : find_table(name); inner != nullptr)
      reject_unknown_in(name, *inner->as_table());
}

}  // namespace flatsweep
