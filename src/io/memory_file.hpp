#pragma once

#include "hdf5_handle.hpp"

#include <cstddef>
#include <functional>
#include <span>

namespace flatsweep {

/// An HDF5 file in memory. HDF5 1.10 keeps a file whose last writes failed for ever, and crashes on it when MPI ends;
/// so it writes here, and we write the disk.
class MemoryFile {
 public:
  /// Lets `fill` write into a new file, and closes it. @throws IoError from `fill` or when HDF5 fails
  explicit MemoryFile(const std::function<void(hid_t)>& fill);
  ~MemoryFile();
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  /// The finished file, byte for byte.
  [[nodiscard]] std::span<const std::byte> bytes() const { return {image_.data, image_.size}; }

  /// What HDF5's memory driver allocated; it is kept, not freed, when the driver closes the file.
  struct Image {
    std::byte* data = nullptr;
    std::size_t size = 0;
    std::size_t capacity = 0;
  };

 private:
  Image image_;
};

}  // namespace flatsweep
