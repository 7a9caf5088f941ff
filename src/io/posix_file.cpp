#include "posix_file.hpp"

#include "posix_handle.hpp"

#include <sys/statvfs.h>

#include <cerrno>
#include <cstring>

namespace flatsweep {

namespace {

const char* advice(int error) {
  switch (error) {
    case ENOENT: return "; check that the folder exists";
    case EACCES:
    case EPERM:
    case EROFS: return "; check the permissions of file and folder";
    case ENOSPC:
    case EDQUOT: return "; free space or choose another output folder";
    default: return "";
  }
}

void sync_path(const std::filesystem::path& path, int flags) {
  const auto file = open_posix(path, flags);
  // Some network file systems cannot sync a folder and say EINVAL; the rename itself is then all there is.
  if (fsync(file.get()) != 0 && errno != EINVAL) throw_errno("cannot sync");
}

}  // namespace

void throw_errno(const std::string& doing) {
  const int error = errno;
  throw IoError(doing + ": " + std::strerror(error) + advice(error));
}

PosixFile open_posix(const std::filesystem::path& path, int flags) {
  PosixFile file(open(path.c_str(), flags | O_CLOEXEC, 0666));
  if (!file) throw_errno("cannot open");
  return file;
}

PartialFile::PartialFile(std::filesystem::path target) : target_(std::move(target)), path_(path_of(target_)) {
  open_posix(path_, O_RDWR | O_CREAT | O_TRUNC);
}

PartialFile::~PartialFile() {
  if (!published_) unlink(path_.c_str());
}

std::filesystem::path PartialFile::path_of(const std::filesystem::path& target) {
  auto path = target;
  path += ".partial";
  return path;
}

void PartialFile::reserve(std::uint64_t bytes) const {
  const auto file = open_posix(path_, O_RDWR);
  if (bytes == 0 || fallocate(file.get(), FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(bytes)) == 0) return;
  if (errno != EOPNOTSUPP) throw_errno("cannot reserve " + std::to_string(bytes) + " bytes");
  struct statvfs disk;
  if (fstatvfs(file.get(), &disk) != 0) throw_errno("cannot ask for free space");
  if (disk.f_bavail * disk.f_frsize >= bytes) return;
  errno = ENOSPC;
  throw_errno("cannot reserve " + std::to_string(bytes) + " bytes");
}

void PartialFile::discard() const noexcept {
  // Only a help for what follows; the failure that led here is reported already.
  if (truncate(path_.c_str(), 0) != 0) errno = 0;
}

void PartialFile::publish() {
  const auto size = std::filesystem::file_size(path_);
  if (truncate(path_.c_str(), static_cast<off_t>(size)) != 0) throw_errno("cannot give back reserved space");
  sync_path(path_, O_RDWR);
  if (std::rename(path_.c_str(), target_.c_str()) != 0) throw_errno("cannot rename to its final name");
  published_ = true;
  const auto folder = target_.parent_path();
  sync_path(folder.empty() ? "." : folder, O_RDONLY | O_DIRECTORY);
}

}  // namespace flatsweep
