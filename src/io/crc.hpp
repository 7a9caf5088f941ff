#pragma once

#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace flatsweep {

/// CRC-32 as in zip files, of the bytes behind those that `before` is of.
[[nodiscard]] inline std::uint32_t crc_of(std::span<const std::byte> bytes, std::uint32_t before = 0) {
  return static_cast<std::uint32_t>(crc32_z(before, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

}  // namespace flatsweep
