#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace flatsweep {

/// One word that a key may have, and what it means.
struct KeyChoice {
  std::string word, sentence;
};

/// What a reader may want to know of one key of the configuration.
struct KeyDescription {
  std::string table;  ///< "" for a key of no table
  std::string key;
  std::string type;      ///< in words
  std::string standard;  ///< the default as TOML; "" where there is none
  std::string range;     ///< in words, with the unit; "" where the sentence or the choices say it
  std::string sentence;
  std::vector<KeyChoice> choices;

  [[nodiscard]] std::string name() const { return table.empty() ? key : table + "." + key; }
};

/// Every key, in the order of the tables.
[[nodiscard]] std::vector<KeyDescription> describe_keys();

/// Every key as "table.key", in the order of the tables.
[[nodiscard]] std::vector<std::string> config_keys();

/// What the terminal says of the key of that name, or of all keys where it is empty.
/// @throws ConfigError naming the key that may have been meant
[[nodiscard]] std::string help_keys(std::string_view name = {});

}  // namespace flatsweep
