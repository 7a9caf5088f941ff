#include "posix_file.hpp"

#include "flatsweep/base/regular_file.hpp"
#include "posix_handle.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

namespace flatsweep {

const char* advice(int error) {
  switch (error) {
    case ENOENT:
      return "; check that the folder exists";
    case EACCES:
    case EPERM:
    case EROFS:
      return "; check the permissions of file and folder";
    case ENOSPC:
    case EDQUOT:
      return "; free space or choose another output folder";
    case EFBIG:
      return "; raise the limit on the size of files (ulimit -f)";
    case EIO:
      return "; check the disk";
    case ELOOP:
      return "; check the links on the way";
    case ENXIO:
      return "; what is there is a socket or a device, not a file";
    case EISDIR:
    case ENOTEMPTY:
      return "; remove the folder that is in its place";
    default:
      return "";
  }
}

namespace {

void sync_path(const std::filesystem::path& path, int flags) {
  const auto file = open_posix(path, flags);
  // Some network file systems cannot sync a folder and say EINVAL; the rename itself is then all there is.
  if (fsync(file.get()) != 0 && errno != EINVAL) throw_errno("cannot sync");
}

void fill_with_zeros(const PosixFile& file, std::uint64_t end) {
  const std::vector<std::byte> zeros(std::size_t{1} << 20);
  for (auto done = size_of(file); done < end;) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(zeros.size(), end - done));
    write_at(file, done, zeros.data(), size);
    done += size;
  }
  // Network file systems tell of a quota only now.
  if (fsync(file.get()) != 0) throw_errno("cannot reserve " + std::to_string(end) + " bytes");
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

PosixFile open_to_read(const std::filesystem::path& path) {
  auto file = open_posix(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  require_regular(file.get());
  return file;
}

std::uint64_t size_of(const PosixFile& file) {
  const auto end = lseek(file.get(), 0, SEEK_END);
  if (end < 0) throw_errno("cannot seek");
  return static_cast<std::uint64_t>(end);
}

void read_at(const PosixFile& file, std::uint64_t offset, void* into, std::size_t size) {
  for (std::size_t done = 0; done < size;) {
    const auto n = pread(file.get(), static_cast<char*>(into) + done, size - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_errno("cannot read");
    if (n == 0) throw DamagedFile("the file ends before its length says so");
    done += static_cast<std::size_t>(n);
  }
}

void write_at(const PosixFile& file, std::uint64_t offset, const void* from, std::size_t size) {
  for (std::size_t done = 0; done < size;) {
    const auto n =
        pwrite(file.get(), static_cast<const char*>(from) + done, size - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_errno("cannot write");
    done += static_cast<std::size_t>(n);
  }
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

void PartialFile::write(std::span<const std::byte> bytes, std::uint64_t offset) const {
  write_at(open_posix(path_, O_WRONLY), offset, bytes.data(), bytes.size());
}

void PartialFile::reserve(std::uint64_t bytes) const {
  const auto file = open_posix(path_, O_RDWR);
  if (fallocate(file.get(), FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(bytes)) == 0) return;
  if (errno != EOPNOTSUPP) throw_errno("cannot reserve " + std::to_string(bytes) + " bytes");
  fill_with_zeros(file, bytes);
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
