#include "flatsweep/study/output_folder.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/limits.hpp"
#include "flatsweep/base/regular_file.hpp"
#include "flatsweep/io/durable_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <sstream>

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
    const bool more_left = static_cast<bool>(std::getline(a, left));
    const bool more_right = static_cast<bool>(std::getline(b, right));
    if (!more_left && !more_right) return "";
    if (!more_left) left = "(absent)";
    if (!more_right) right = "(absent)";
    if (left != right) return fmt::format("it was '{}', now it is '{}'", left, right);
  }
}

fs::path fingerprint_file(const fs::path& folder) { return work_folder(folder) / "fingerprint.toml"; }

/// Work that is being removed. It gets this name first, so that what a kill leaves of it is taken for nothing else.
fs::path removed_work(const fs::path& folder) { return folder / "work-removed"; }

/// Whether there are units of an earlier run.
bool has_units(const fs::path& work) {
  std::error_code ignored;
  for (fs::directory_iterator entry(work, ignored), end; !ignored && entry != end; entry.increment(ignored))
    if (entry->is_directory(ignored)) return true;
  return false;
}

void remove_folder(const fs::path& folder) {
  std::error_code error;
  fs::remove_all(folder, error);
  if (error)
    throw IoError(
        fmt::format("{}: the folder cannot be removed: {}; remove it by hand", folder.string(), error.message()));
}

}  // namespace

fs::path results_file(const fs::path& folder) { return folder / "results.h5"; }
fs::path work_folder(const fs::path& folder) { return folder / "work"; }

std::string configuration_difference(const fs::path& folder, const Config& config) {
  return first_difference(read_text(fingerprint_file(folder)), config.fingerprint);
}

OutputFolder::OutputFolder(fs::path folder, OutputMode mode, const Config& config) : folder_(std::move(folder)) {
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error)
    throw ConfigError(fmt::format("{}: the output folder cannot be made: {}; choose another with --output",
                                  folder_.string(), error.message()));
  lock();
  try {
    prepare(mode, config);
  } catch (...) {
    close(lock_);
    throw;
  }
}

OutputFolder::~OutputFolder() { close(lock_); }

void OutputFolder::lock() {
  const auto file = folder_ / "lock";
  lock_ = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock_ < 0)
    throw ConfigError(fmt::format("{}: the output folder cannot be written: {}; choose another with --output",
                                  folder_.string(), std::strerror(errno)));
  if (flock(lock_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    close(lock_);
    throw ConfigError(
        fmt::format("{}: another job ({}) is writing to this folder; wait for it, or choose another with --output",
                    folder_.string(), read_text(file)));
  }
  char host[256] = "unknown host";
  gethostname(host, sizeof host - 1);
  const auto owner = fmt::format("process {} on {}", getpid(), host);
  if (ftruncate(lock_, 0) != 0 || write(lock_, owner.data(), owner.size()) < 0)
    throw IoError(fmt::format("{}: the lock cannot be written: {}; free space, or choose another folder with --output",
                              file.string(), std::strerror(errno)));
}

void OutputFolder::prepare(OutputMode mode, const Config& config) {
  std::error_code ignored;
  const bool has_results = is_there(results_file(folder_));
  const bool has_work = is_there(fingerprint_file(folder_));
  remove_folder(removed_work(folder_));
  if (mode == OutputMode::resume && has_results && !has_work) {
    state_ = OutputState::finished;
    return;
  }
  if (mode == OutputMode::fresh && has_results)
    throw ConfigError(fmt::format("{}: there are results already; use --overwrite to replace them, or another --output",
                                  results_file(folder_).string()));
  if (mode == OutputMode::fresh && has_work)
    throw ConfigError(fmt::format(
        "{}: an unfinished run is here; use --resume to go on with it, --overwrite to start anew, or another --output",
        folder_.string()));
  if (fs::is_directory(results_file(folder_), ignored))
    throw ConfigError(fmt::format("{}: a folder stands where the results go; move it, or choose another --output",
                                  results_file(folder_).string()));
  if (mode == OutputMode::overwrite) remove_work();
  if (mode == OutputMode::resume && has_work) check_same_configuration(config);
  if (!has_work && has_units(work_folder(folder_)))
    throw ConfigError(
        fmt::format("{}: the file is missing, so nothing says what configuration the work beside it belongs to; "
                    "restore it, or use --overwrite to start anew",
                    fingerprint_file(folder_).string()));
  std::error_code error;
  fs::create_directories(work_folder(folder_), error);
  if (error)
    throw IoError(fmt::format("{}: the folder cannot be made: {}; free space, or choose another with --output",
                              work_folder(folder_).string(), error.message()));
  // In this order: a kill between the two must not leave older results beside a new config.toml, as if they belonged
  // together.
  write_durable_text(fingerprint_file(folder_), config.fingerprint);
  write_durable_text(folder_ / "config.toml", config.resolved);
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
  if (error || static_cast<double>(space.available) >= bytes) return;
  throw ConfigError(fmt::format(
      "{}: the run needs about {} here, {} are free; free some, keep fewer pca.directions, or choose another --output",
      folder_.string(), format_bytes(bytes), format_bytes(static_cast<double>(space.available))));
}

void OutputFolder::remove_work() const {
  const auto work = work_folder(folder_);
  std::error_code error;
  if (!fs::exists(work, error)) return;
  fs::rename(work, removed_work(folder_), error);
  if (error)
    throw IoError(
        fmt::format("{}: the folder cannot be renamed: {}; remove it by hand", work.string(), error.message()));
  remove_folder(removed_work(folder_));
}

}  // namespace flatsweep
