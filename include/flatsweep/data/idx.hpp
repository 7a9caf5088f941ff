#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

namespace flatsweep {

/// Type of the numbers of an IDX file, by the third byte of its magic number.
enum class IdxType : std::uint8_t { u8 = 0x08, i8 = 0x09, i16 = 0x0B, i32 = 0x0C, f32 = 0x0D, f64 = 0x0E };

/// Header of an IDX file: (count,) for labels, (count, features), (count, height, width) or (count, channels, height,
/// width) for images.
struct IdxHeader {
  std::vector<std::uint32_t> shape;
  IdxType type = IdxType::u8;
  [[nodiscard]] std::size_t size() const;  ///< numbers
};

/// Reads the header of an IDX file, plain or gzip.
/// @throws ConfigError naming the file: missing, wrong magic number, absurd sizes, sizes that such a file cannot hold
[[nodiscard]] IdxHeader read_idx_header(const std::filesystem::path& file);

/// Reads the data of unsigned bytes into `out`, whose size must be the header's.
/// @throws ConfigError naming the file: cut short, longer than its header says, damaged gzip stream
void read_idx_data(const std::filesystem::path& file, std::span<std::byte> out);

/// Reads numbers of any type; errors as above.
void read_idx_data(const std::filesystem::path& file, std::span<float> out);

}  // namespace flatsweep
