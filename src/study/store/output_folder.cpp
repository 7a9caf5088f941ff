#include "flatsweep/study/store/output_folder.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/limits.hpp"
#include "flatsweep/base/regular_file.hpp"
#include "flatsweep/base/system_call.hpp"
#include "flatsweep/io/durable_file.hpp"
#include "flatsweep/study/store/progress_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <sstream>
#include <vector>

namespace flatsweep {

namespace fs = std::filesystem;

namespace {

/// What a file of texts holds; nothing where there is none.  @throws IoError
std::string read_text(const fs::path& file) {
  try {
    return is_there(file) ? read_regular(file, limits::config_bytes) : "";
  } catch (const IoError& error) {
    throw IoError(fmt::format("cannot read {}: {}", file.string(), error.what()));
  }
}

/// The first line in which two texts differ, from the second one; for the message.
std::string first_difference(const std::string& before, const std::string& now) {
  std::istringstream a(before), b(now);
  std::string left, right;
  while (true) {
    const auto more_left = static_cast<bool>(std::getline(a, left));
    const auto more_right = static_cast<bool>(std::getline(b, right));
    if (!more_left && !more_right) return "";
    if (!more_left) left = "(absent)";
    if (!more_right) right = "(absent)";
    if (left != right) return fmt::format("it was '{}', now it is '{}'", left, right);
  }
}

/// Work that is being removed. It gets this name first, so that what a kill leaves of it is taken for nothing else.
fs::path removed_work(const fs::path& folder) { return folder / "work-removed"; }

/// In work that is being removed and could not be renamed. The last file to go.
fs::path removal_mark(const fs::path& folder) { return work_folder(folder) / "removed"; }

/// Whether there are units of an earlier run.
bool has_units(const fs::path& work) {
  std::error_code ignored;
  for (fs::directory_iterator entry(work, ignored), end; !ignored && entry != end; entry.increment(ignored))
    if (entry->is_directory(ignored)) return true;
  return false;
}

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error)
    throw IoError(fmt::format("{}: the folder cannot be made: {}; free space, or choose another with --output",
                              folder.string(), error.message()));
}

std::string cannot_be_removed(const fs::path& folder, const std::error_code& error) {
  return fmt::format("{}: the folder cannot be removed: {}; remove it by hand", folder.string(), error.message());
}

/// All of `folder` but the file that stands for its removal, then that file, then the folder.
std::string remove_marked(const fs::path& folder) {
  const auto work = work_folder(folder);
  std::error_code error;
  std::vector<fs::path> entries;
  for (const auto& entry : fs::directory_iterator(work, error)) entries.push_back(entry.path());
  for (const auto& entry : entries)
    if (!error && entry != removal_mark(folder)) fs::remove_all(entry, error);
  if (!error) fs::remove(removal_mark(folder), error);
  if (!error) fs::remove(work, error);
  return error ? cannot_be_removed(work, error) : "";
}

/// What a kill left of a removal, and of files that were being written.
void clean_up(const fs::path& folder) {
  std::error_code ignored;
  fs::remove_all(removed_work(folder), ignored);
  if (is_there(removal_mark(folder)))
    if (const auto complaint = remove_marked(folder); !complaint.empty()) throw IoError(complaint);
  remove_temporary_files(folder);
  remove_temporary_files(work_folder(folder));
  for (const auto& entry : fs::directory_iterator(work_folder(folder), ignored))
    if (entry.is_directory(ignored) && !entry.is_symlink(ignored)) remove_temporary_files(entry.path());
}

double bytes_below(const fs::path& folder) {
  std::error_code ignored;
  double bytes = 0.0;
  for (fs::recursive_directory_iterator entry(folder, ignored), end; !ignored && entry != end; entry.increment(ignored))
    if (entry->is_regular_file(ignored)) bytes += entry->file_size(ignored);
  return bytes;
}

}  // namespace

fs::path results_file(const fs::path& folder) { return folder / "results.h5"; }
fs::path work_folder(const fs::path& folder) { return folder / "work"; }

fs::path fingerprint_file(const fs::path& folder) { return work_folder(folder) / "fingerprint.toml"; }

fs::path slice_record_file(const fs::path& work) { return work / "slice.h5"; }

std::string configuration_difference(const fs::path& folder, const Config& config) {
  return first_difference(read_text(fingerprint_file(folder)), config.fingerprint);
}

OutputFolder::OutputFolder(fs::path folder, OutputMode mode, const Config& config, double bytes, const Tell& tell,
                           OwnerFile::Times times, OtherWork other)
    : folder_(std::move(folder)) {
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error)
    throw ConfigError(fmt::format("{}: the output folder cannot be made: {}; choose another with --output",
                                  folder_.string(), error.message()));
  lock();
  try {
    owner_.emplace(folder_, tell, times);
    prepare(mode, config, bytes, other);
  } catch (...) {
    owner_.reset();
    close(lock_);
    throw;
  }
}

OutputFolder::~OutputFolder() {
  owner_.reset();
  close(lock_);
}

namespace {

/// Never through a link. A lock that another user made is locked without being written.
int open_lock(const fs::path& file) {
  const int flags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
  const int lock = uninterrupted([&] { return open(file.c_str(), O_RDWR | O_CREAT | flags, 0666); });
  if (lock >= 0 || (errno != EACCES && errno != EPERM)) return lock;
  const int error = errno;
  const int readable = uninterrupted([&] { return open(file.c_str(), O_RDONLY | flags); });
  if (readable < 0) errno = error;
  return readable;
}

/// For whoever looks into the file; the lock itself does without.
void name_owner(int lock) {
  char host[256] = "unknown host";
  gethostname(host, sizeof host - 1);
  const auto owner = fmt::format("process {} on {}", getpid(), host);
  if (ftruncate(lock, 0) == 0) (void)!write(lock, owner.data(), owner.size());
}

}  // namespace

void OutputFolder::lock() {
  const auto file = folder_ / "lock";
  lock_ = open_lock(file);
  if (lock_ < 0)
    throw ConfigError(
        fmt::format("{}: the output folder cannot be written: {} ({}); put that right, or choose another with --output",
                    folder_.string(), std::strerror(errno), file.string()));
  const bool locked = uninterrupted([&] { return flock(lock_, LOCK_EX | LOCK_NB); }) == 0;
  const int error = errno;
  if (locked) return name_owner(lock_);
  if (judge(Call::lock, error) == Verdict::held) {
    close(lock_);
    throw ConfigError(
        fmt::format("{}: another job ({}) is writing to this folder; wait for it, or choose another with --output",
                    folder_.string(), read_text(file)));
  }
  lock_complaint_ = fmt::format("{}: files cannot be locked here ({}); the file owner alone guards the folder",
                                file.string(), std::strerror(error));
}

void OutputFolder::refuse_existing(OutputMode mode, bool has_results, bool has_work) const {
  if (mode == OutputMode::fresh && has_results)
    throw ConfigError(fmt::format("{}: there are results already; use --overwrite to replace them, or another --output",
                                  results_file(folder_).string()));
  if (mode == OutputMode::fresh && has_work)
    throw ConfigError(fmt::format(
        "{}: an unfinished run is here; use --resume to go on with it, --overwrite to start anew, or another --output",
        folder_.string()));
  std::error_code ignored;
  if (fs::is_directory(results_file(folder_), ignored))
    throw ConfigError(fmt::format("{}: a folder stands where the results go; move it, or choose another --output",
                                  results_file(folder_).string()));
}

void OutputFolder::prepare(OutputMode mode, const Config& config, double bytes, OtherWork other) {
  clean_up(folder_);
  const bool has_results = is_there(results_file(folder_));
  const bool has_work = is_there(fingerprint_file(folder_));
  if (mode == OutputMode::resume && has_results && !has_work) {
    state_ = OutputState::finished;
    return;
  }
  refuse_existing(mode, has_results, has_work);
  const bool goes_on = mode == OutputMode::resume || mode == OutputMode::extend;
  std::error_code ignored;
  if (goes_on && has_work && other == OtherWork::refused) check_same_configuration(config);
  if (!has_work && mode != OutputMode::overwrite && has_units(work_folder(folder_)))
    throw ConfigError(
        fmt::format("{}: the file is missing, so nothing says what configuration the work beside it belongs to; "
                    "restore it, or use --overwrite to start anew",
                    fingerprint_file(folder_).string()));
  check_space(bytes);
  if (mode == OutputMode::overwrite)
    if (const auto complaint = remove_work(); !complaint.empty()) throw IoError(complaint);
  // Of another run, or of one whose replicas may have had other numbers.
  if (!goes_on || !has_work) fs::remove(progress_file(folder_), ignored);
  begin_work(config);
}

void OutputFolder::begin_work(const Config& config) const {
  make_folder(work_folder(folder_));
  const FileOwner us{{}, ownership_check(folder_, owner())};
  // In this order: a kill between the two must not leave older results beside a new config.toml, as if they belonged
  // together.
  write_durable_text(fingerprint_file(folder_), config.fingerprint, us);
  write_durable_text(folder_ / "config.toml", config.resolved, us);
}

void OutputFolder::check_same_configuration(const Config& config) const {
  const auto difference = configuration_difference(folder_, config);
  if (difference.empty()) return;
  throw ConfigError(
      fmt::format("{}: the unfinished run here has another configuration: {}; restore it to resume, or use --overwrite",
                  folder_.string(), difference));
}

void OutputFolder::check_space(double bytes) const {
  std::error_code error;
  const auto space = fs::space(folder_, error);
  // Some file systems, in memory or in a cloud, say of themselves that they have no blocks at all.
  if (error || space.capacity == 0) return;
  const double room = space.available + bytes_below(work_folder(folder_));
  if (room >= bytes) return;
  throw ConfigError(fmt::format(
      "{}: the run needs about {} here, {} are free; free some, keep fewer pca.directions, or choose another --output",
      folder_.string(), format_bytes(bytes), format_bytes(room)));
}

std::string OutputFolder::remove_work() const {
  const auto work = work_folder(folder_);
  std::error_code error;
  if (!fs::exists(work, error)) return "";
  fs::rename(work, removed_work(folder_), error);
  if (!error) {
    fs::remove_all(removed_work(folder_), error);
    return error ? cannot_be_removed(removed_work(folder_), error) : "";
  }
  // Some layered file systems cannot rename a folder, and what a kill left may be in its place.
  try {
    write_durable_text(removal_mark(folder_), "this folder is being removed\n");
  } catch (const IoError&) {
    return fmt::format("{}: the folder cannot be renamed: {}; remove it by hand", work.string(), error.message());
  }
  return remove_marked(folder_);
}

}  // namespace flatsweep
