#pragma once

#include "flatsweep/base/handle.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>

namespace flatsweep {

struct PosixTraits {
  static int empty() { return -1; }
  static void destroy(int& file) noexcept { close(file); }
};
using PosixFile = Handle<int, PosixTraits>;

// All of these try again what was interrupted.  @throws IoError with the text of errno
/// A regular file, for reading; a pipe or a device is not waited for.
PosixFile open_to_read(const std::filesystem::path& path);
PosixFile open_posix(const std::filesystem::path& path, int flags);
std::uint64_t size_of(const PosixFile& file);
void read_at(const PosixFile& file, std::uint64_t offset, void* into, std::size_t size);
void write_at(const PosixFile& file, std::uint64_t offset, const void* from, std::size_t size);

}  // namespace flatsweep
