#include "flatsweep/base/hexadecimal.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace flatsweep {

std::string hexadecimal(std::span<const std::uint8_t> bytes) { return fmt::format("{:02x}", fmt::join(bytes, "")); }

}  // namespace flatsweep
