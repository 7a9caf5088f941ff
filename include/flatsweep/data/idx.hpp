#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

namespace flatsweep {

/// Header of an IDX file of unsigned bytes: (count,) for labels, (count, height, width) for images.
struct IdxHeader {
  std::vector<std::uint32_t> shape;
  [[nodiscard]] std::size_t size() const;
};

/// Reads the header of an IDX file, plain or gzip.
/// @throws ConfigError naming the file: missing, wrong magic number, absurd sizes, sizes that such a file cannot hold
[[nodiscard]] IdxHeader read_idx_header(const std::filesystem::path& file);

/// Reads the data into `out`, whose size must be the header's.
/// @throws ConfigError naming the file: cut short, longer than its header says, damaged gzip stream
void read_idx_data(const std::filesystem::path& file, std::span<std::byte> out);

}  // namespace flatsweep
