#include "posix_file.hpp"

#include "flatsweep/base/regular_file.hpp"
#include "flatsweep/base/system_call.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

namespace flatsweep {

namespace {

/// 16 hexadecimal digits that no other call, process or machine gives.
std::string unique_digits() {
  std::random_device source;
  const auto half = [&] { return static_cast<std::uint64_t>(source()) & 0xffffffffU; };
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(half() << 32 | half()));
  return text;
}

void sync_file(const PosixFile& file) {
  if (uninterrupted([&] { return fsync(file.get()); }) == 0) return;
  if (judge(Call::sync_file, errno) != Verdict::harmless) throw_errno("cannot sync");
}

/// Where a folder cannot be opened or synced, the rename itself is all there is.
void sync_folder(const std::filesystem::path& path) {
  const PosixFile folder(uninterrupted([&] { return open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  const int synced = folder ? uninterrupted([&] { return fsync(folder.get()); }) : -1;
  if (synced != 0 && judge(Call::sync_folder, errno) == Verdict::fatal) throw_errno("cannot sync the folder");
}

/// Network file systems tell of a failed write when the file is closed.
void close_file(PosixFile& file) {
  const int closed = close(file.release());
  if (closed != 0 && judge(Call::close, errno) == Verdict::fatal) throw_errno("cannot close");
}

bool links_work(const std::filesystem::path& file) {
  auto probe = file;
  probe += "-link";
  const bool work = link(file.c_str(), probe.c_str()) == 0;
  unlink(probe.c_str());
  return work;
}

/// As rename, on file systems that do not replace a file, or do not rename at all. The target may be absent for a
/// moment, but is never half.
bool link_into_place(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (link(from.c_str(), to.c_str()) != 0) {
    if (errno != EEXIST || !links_work(from)) return false;
    unlink(to.c_str());
    if (link(from.c_str(), to.c_str()) != 0) return false;
  }
  unlink(from.c_str());
  return true;
}

void rename_file(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (uninterrupted([&] { return std::rename(from.c_str(), to.c_str()); }) == 0) return;
  const int error = errno;
  if (judge(Call::rename, error) == Verdict::other_way && link_into_place(from, to)) return;
  errno = error;
  throw_errno("cannot rename to its final name");
}

void fill_with_zeros(const PosixFile& file, std::uint64_t end) {
  const std::vector<std::byte> zeros(std::size_t{1} << 20);
  for (auto done = size_of(file); done < end;) {
    const std::size_t size = std::min<std::uint64_t>(zeros.size(), end - done);
    write_at(file, done, zeros.data(), size);
    done += size;
  }
  // Network file systems tell of a quota only now.
  sync_file(file);
}

}  // namespace

void throw_errno(const std::string& doing) { throw IoError(doing + ": " + describe_error(errno)); }

PosixFile open_posix(const std::filesystem::path& path, int flags) {
  PosixFile file(uninterrupted([&] { return open(path.c_str(), flags | O_CLOEXEC, 0666); }));
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
  return end;
}

void read_at(const PosixFile& file, std::uint64_t offset, void* into, std::size_t size) {
  for (std::size_t done = 0; done < size;) {
    const auto n = uninterrupted([&] {
      return pread(file.get(), static_cast<char*>(into) + done, size - done, static_cast<off_t>(offset + done));
    });
    if (n < 0) throw_errno("cannot read");
    if (n == 0) throw DamagedFile("the file ends before its length says so");
    done += n;
  }
}

void write_at(const PosixFile& file, std::uint64_t offset, const void* from, std::size_t size) {
  if (!write_whole(file.get(), from, size, offset)) throw_errno("cannot write");
}

PartialFile::PartialFile(std::filesystem::path target) : target_(std::move(target)), path_(target_) {
  path_ += std::string(partial_mark) + "-" + unique_digits();
  file_ = open_posix(path_, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW);
}

PartialFile::~PartialFile() {
  if (!published_) unlink(path_.c_str());
}

void PartialFile::write(std::span<const std::byte> bytes, std::uint64_t offset) const {
  write_at(file_, offset, bytes.data(), bytes.size());
}

void PartialFile::reserve(std::uint64_t bytes) {
  reserved_ = true;
  const auto size = static_cast<off_t>(bytes);
  if (uninterrupted([&] { return fallocate(file_.get(), FALLOC_FL_KEEP_SIZE, 0, size); }) == 0) return;
  if (judge(Call::reserve, errno) == Verdict::fatal) throw_errno("cannot reserve " + std::to_string(bytes) + " bytes");
  fill_with_zeros(file_, bytes);
}

void PartialFile::discard() const noexcept {
  // Only a help for what follows; the failure that led here is reported already.
  if (ftruncate(file_.get(), 0) != 0) errno = 0;
}

void PartialFile::give_back() const {
  // Others wrote the file, perhaps on other nodes: its size is certain once it is opened anew.
  const auto size = static_cast<off_t>(size_of(open_posix(path_, O_RDONLY | O_NOFOLLOW)));
  const int given_back = uninterrupted([&] { return ftruncate(file_.get(), size); });
  if (given_back != 0 && judge(Call::cut, errno) == Verdict::fatal) throw_errno("cannot give back reserved space");
}

void PartialFile::publish(const std::function<void()>& still_ours) {
  if (reserved_) give_back();
  sync_file(file_);
  close_file(file_);
  if (still_ours) still_ours();
  rename_file(path_, target_);
  published_ = true;
  const auto folder = target_.parent_path();
  sync_folder(folder.empty() ? "." : folder);
}

}  // namespace flatsweep
