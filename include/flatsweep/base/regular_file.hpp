#pragma once

#include "flatsweep/base/handle.hpp"

#include <unistd.h>

#include <cstddef>
#include <filesystem>
#include <string>

namespace flatsweep {

struct FileTraits {
  static int empty() { return -1; }
  static void destroy(int& file) noexcept { ::close(file); }
};
/// Owner of a file descriptor.
using FileHandle = Handle<int, FileTraits>;

/// Insists that an open file is a regular one: a pipe may never end, a device even less, and a folder holds no bytes.
/// @throws IoError "it is a pipe, not a file", without the path
void require_regular(int descriptor);

/// Opens a regular file, or a link to one, for reading. Does not wait for the other end of a pipe.
/// @throws IoError with the reason alone, without the path: it cannot be opened, it is no regular file
[[nodiscard]] FileHandle open_regular(const std::filesystem::path& path);

/// All of a regular file.
/// @throws IoError as `open_regular`; it cannot be read; it holds more than `most` bytes
[[nodiscard]] std::string read_regular(const std::filesystem::path& path, std::size_t most);

/// Whether there is something of that name; a link that leads nowhere is nothing.
/// @throws IoError with path and reason where that cannot be told: a circle of links, a folder that may not be searched
[[nodiscard]] bool is_there(const std::filesystem::path& path);

}  // namespace flatsweep
