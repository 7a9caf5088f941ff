#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace flatsweep {

/// Two lower-case digits for each byte, as checksums are written.
[[nodiscard]] std::string hexadecimal(std::span<const std::uint8_t> bytes);

}  // namespace flatsweep
