#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace flatsweep {

/// One key of a configuration with its value as TOML.
struct ConfigLine {
  std::string table;  ///< "" for a key of no table
  std::string name;   ///< "train.batch_size"
  std::string value;
};

/// The keys of `Config::fingerprint` or `Config::resolved`, in their order.
[[nodiscard]] std::vector<ConfigLine> config_lines(std::string_view text);

/// Whether the grid gives every replica this key's value, listed in [grid] or not.
[[nodiscard]] bool is_axis_key(std::string_view name);

}  // namespace flatsweep
