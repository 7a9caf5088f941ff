#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
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

/// The number that the whole text is, in C's form whatever the locale; none where it is anything else, or too large.
template <class Number>
[[nodiscard]] std::optional<Number> number_from(std::string_view text) {
  Number value{};
  const auto* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value);
  if (read.ec != std::errc{} || read.ptr != end) return std::nullopt;
  return value;
}

}  // namespace flatsweep
