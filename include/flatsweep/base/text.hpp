#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace flatsweep {

/// The text as one line that a terminal can show: control characters, and marks that turn the direction of writing, as
/// \u000A; bytes that are no UTF-8 as \xFF; all else as it is. Given again, the result stays the same.
[[nodiscard]] std::string printable(std::string_view text);

[[nodiscard]] bool is_utf8(std::string_view text);

/// The text itself, or its beginning with "..." where it is longer than `most` bytes; no character is cut in two.
[[nodiscard]] std::string shortened(std::string_view text, std::size_t most);

/// "1 replica", "3 replicas"
[[nodiscard]] std::string counted(std::int64_t count, std::string_view thing);

}  // namespace flatsweep
