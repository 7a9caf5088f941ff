#pragma once

#include "io/scratch.hpp"

#include <zlib.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace flatsweep {

inline std::string big_endian(std::uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
          static_cast<char>(value)};
}

/// An IDX file of unsigned bytes, written by hand from its definition: magic number, sizes, data.
inline std::string idx_bytes(const std::vector<std::uint32_t>& shape, const std::string& data) {
  std::string bytes = big_endian(0x800 + static_cast<std::uint32_t>(shape.size()));
  for (const auto n : shape) bytes += big_endian(n);
  return bytes + data;
}

inline void spill_gzip(const std::filesystem::path& path, const std::string& bytes) {
  gzFile out = gzopen(path.c_str(), "wb");
  gzwrite(out, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(out);
}

/// The four files of a small set, contents as IDX; a test damages one of them before it is written.
struct IdxSet {
  std::string train_images = idx_bytes({3, 2, 2}, std::string("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\xff", 12));
  std::string train_labels = idx_bytes({3}, std::string("\x02\x00\x01", 3));
  std::string test_images = idx_bytes({2, 2, 2}, std::string("\x10\x20\x30\x40\x50\x60\x70\x80", 8));
  std::string test_labels = idx_bytes({2}, std::string("\x01\x02", 2));

  /// Half of them compressed: readers take both.
  void write(const std::filesystem::path& folder) const {
    std::filesystem::create_directories(folder);
    spill(folder / "train-images-idx3-ubyte", train_images);
    spill_gzip(folder / "train-labels-idx1-ubyte.gz", train_labels);
    spill_gzip(folder / "t10k-images-idx3-ubyte.gz", test_images);
    spill(folder / "t10k-labels-idx1-ubyte", test_labels);
  }
};

}  // namespace flatsweep
