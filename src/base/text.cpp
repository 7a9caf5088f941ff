#include "flatsweep/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flatsweep {

namespace {

constexpr char32_t no_character = 0xFFFFFFFF;

/// One character of UTF-8 and how many bytes it takes; one byte of `no_character` where these are none.
struct Character {
  char32_t code = no_character;
  std::size_t size = 1;
};

bool continues(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U; }

Character first_character(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  if (first < 0x80) return {first, 1};
  const std::size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < size) return {};
  char32_t code = first & (0x7FU >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if (!continues(text[i])) return {};
    code = code << 6 | (static_cast<unsigned char>(text[i]) & 0x3FU);
  }
  constexpr char32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (code < least[size] || surrogate || code > 0x10FFFF) return {};
  return {code, size};
}

bool is_shown(char32_t code) {
  const bool control = code < 0x20 || (code >= 0x7F && code <= 0x9F) || code == 0x2028 || code == 0x2029;
  const bool direction =
      code == 0x200E || code == 0x200F || (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
  return !control && !direction;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    const auto [code, size] = first_character(text);
    if (code == no_character)
      shown += fmt::format("\\x{:02X}", static_cast<unsigned char>(text.front()));
    else if (is_shown(code))
      shown += text.substr(0, size);
    else
      shown += fmt::format("\\u{:04X}", static_cast<unsigned>(code));
    text.remove_prefix(size);
  }
  return shown;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const auto [code, size] = first_character(text);
    if (code == no_character) return false;
    text.remove_prefix(size);
  }
  return true;
}

std::string shortened(std::string_view text, std::size_t most) {
  if (text.size() <= most) return std::string(text);
  std::size_t end = most;
  while (end > 0 && continues(text[end])) --end;
  return std::string(text.substr(0, end)) + "...";
}

std::string counted(std::int64_t count, std::string_view thing) {
  return fmt::format("{} {}{}", count, thing, count == 1 ? "" : "s");
}

}  // namespace flatsweep
