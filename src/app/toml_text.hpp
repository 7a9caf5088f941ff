#pragma once

#include <toml++/toml.h>

#include <string>
#include <string_view>

namespace flatsweep {

/// `text` as a TOML text in quotes.
[[nodiscard]] std::string quote(std::string_view text);

/// Reads TOML, the nesting of its keys and values bounded before: the parser works by recursion.
/// @param source name of the text for messages  @throws ConfigError as "source:line:column: what is wrong"
[[nodiscard]] toml::table parse_toml(std::string_view text, const std::string& source);

/// "table.key=value" as a table of this one entry. A value that is not TOML is taken as a text: --set data.name=mnist.
/// @throws ConfigError when it is not one key with one value
[[nodiscard]] toml::table parse_assignment(const std::string& assignment);

}  // namespace flatsweep
