#include "flatsweep/base/regular_file.hpp"

#include "flatsweep/base/error.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <system_error>

namespace flatsweep {

namespace {

const char* kind_of(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return "a folder";
    case S_IFIFO:
      return "a pipe";
    case S_IFSOCK:
      return "a socket";
    case S_IFCHR:
    case S_IFBLK:
      return "a device";
    default:
      return "of an unknown kind";
  }
}

[[noreturn]] void not_regular(const char* kind) { throw IoError(fmt::format("it is {}, not a file", kind)); }

}  // namespace

void require_regular(int descriptor) {
  struct stat status {};
  if (fstat(descriptor, &status) != 0) throw IoError(std::strerror(errno));
  if (!S_ISREG(status.st_mode)) not_regular(kind_of(status.st_mode));
}

FileHandle open_regular(const std::filesystem::path& path) {
  FileHandle file(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!file && errno == ENXIO) not_regular("a socket or a device");
  if (!file) throw IoError(std::strerror(errno));
  require_regular(file.get());
  return file;
}

std::string read_regular(const std::filesystem::path& path, std::size_t most) {
  const auto file = open_regular(path);
  std::string text;
  char block[1 << 16];
  while (true) {
    const auto got = read(file.get(), block, sizeof block);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw IoError(std::strerror(errno));
    if (got == 0) return text;
    text.append(block, got);
    if (text.size() > most) throw IoError(fmt::format("it holds more than {} bytes, the most that is read", most));
  }
}

bool is_there(const std::filesystem::path& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found) return false;
  if (error)
    throw IoError(
        fmt::format("{}: what stands there cannot be seen: {}; check the links and the permissions on the way",
                    path.string(), error.message()));
  return true;
}

}  // namespace flatsweep
