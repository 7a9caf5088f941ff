#pragma once

#include "flatsweep/base/handle.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>

namespace flatsweep {

struct PosixTraits {
  static int empty() { return -1; }
  static void destroy(int& file) noexcept { close(file); }
};
using PosixFile = Handle<int, PosixTraits>;

/// @throws IoError with the text of errno
PosixFile open_posix(const std::filesystem::path& path, int flags);

}  // namespace flatsweep
