#pragma once

#include "flatsweep/study/grid/config.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace flatsweep {

/// Reads a configuration: the text of a TOML file, then the assignments "table.key=value" in their order. Defaults are
/// those of the structs in study/config.hpp. Fills in `resolved` and `fingerprint`.
/// @param source name of the text for messages
/// @throws ConfigError as "file:line:column: table.key = value ...": syntax, unknown key or table (names the nearest
///         known one), wrong type, value out of range, empty axis
[[nodiscard]] Config parse_config(std::string_view text, const std::string& source,
                                  const std::vector<std::string>& assignments = {});

/// Reads the file. @throws ConfigError when it cannot be read, and as `parse_config`
[[nodiscard]] std::string read_config_text(const std::filesystem::path& file);

}  // namespace flatsweep
