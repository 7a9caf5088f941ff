#include "flatsweep/base/log.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/regular_file.hpp"
#include "flatsweep/base/terminal.hpp"
#include "flatsweep/base/text.hpp"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <ctime>

namespace flatsweep {

namespace {

constexpr double terminal_seconds = 0.5;
constexpr double plain_seconds = 10.0;

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// One write, which others' writes do not mix with. Where it fails there is no log to say it in.
void append_line(const std::filesystem::path& file, std::string_view text) {
  const int handle = open(file.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (handle < 0) return;
  const auto line = fmt::format("{:%Y-%m-%d %H:%M:%S} {}\n", fmt::localtime(std::time(nullptr)), text);
  [[maybe_unused]] const auto written = write(handle, line.data(), line.size());
  close(handle);
}

}  // namespace

Log::Log(LogRank rank, Verbosity verbosity)
    : rank_(rank), quiet_(verbosity == Verbosity::quiet), terminal_(shows_on_terminal()) {
  screen_ = std::make_shared<spdlog::logger>("screen", std::make_shared<spdlog::sinks::stdout_sink_st>());
  screen_->set_pattern("%v");
}

Log::~Log() { clear_progress(); }

namespace {

/// The logger opens the file by its name, and would wait for a reader of a pipe.
void require_log_file(const std::filesystem::path& file) {
  const FileHandle there(open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0666));
  if (there) return require_regular(there.get());
  throw IoError(errno == ENXIO ? "it is a pipe or a socket, not a file" : std::strerror(errno));
}

}  // namespace

void Log::open_file(const std::filesystem::path& file) {
  if (!writes()) return;
  try {
    require_log_file(file);
    file_ =
        std::make_shared<spdlog::logger>("file", std::make_shared<spdlog::sinks::basic_file_sink_st>(file.string()));
  } catch (const std::exception& error) {  // of ours or of the logger's
    throw IoError(
        fmt::format("{}: the log cannot be written: {}; free space, or check the permissions of file and folder",
                    file.string(), error.what()));
  }
  file_->set_pattern("%Y-%m-%d %H:%M:%S %v");
  file_->flush_on(spdlog::level::info);
}

void Log::info(std::string_view line) {
  if (!writes()) return;
  clear_progress();
  const auto text = printable(line);
  if (!quiet_) screen_->info("{}", text);
  if (!quiet_) screen_->flush();
  if (file_) file_->info("{}", text);
}

void Log::warning(std::string_view line) {
  if (!writes()) return;
  clear_progress();
  const auto text = printable(line);
  std::fprintf(stderr, "flatsweep: warning: %s\n", text.c_str());
  if (file_) file_->warn("warning: {}", text);
}

void Log::warning_of_any_rank(std::string_view line, const std::filesystem::path& file) {
  if (writes()) return warning(line);
  const auto text = printable(line);
  std::fprintf(stderr, "flatsweep: warning: %s\n", text.c_str());
  append_line(file, fmt::format("warning: {}", text));
}

void Log::info_of_any_rank(std::string_view line, const std::filesystem::path& file) {
  if (writes()) return info(line);
  const auto text = printable(line);
  if (!quiet_) std::printf("%s\n", text.c_str());
  append_line(file, text);
}

void Log::record(std::string_view line) {
  if (file_) file_->info("{}", printable(line));
}

bool Log::progress_due() const {
  return writes() && now() - last_progress_ >= (terminal_ && !quiet_ ? terminal_seconds : plain_seconds);
}

void Log::progress(std::string_view line) {
  if (!progress_due()) return;
  const auto text = printable(line);
  last_progress_ = now();
  if (quiet_ || !terminal_) {
    if (!quiet_) screen_->info("{}", text);
    if (!quiet_) screen_->flush();
    if (file_) file_->info("{}", text);
    return;
  }
  std::printf("\r\033[K%s", shortened(text, terminal_columns().value_or(text.size())).c_str());
  std::fflush(stdout);
  progress_shown_ = true;
}

void Log::clear_progress() {
  if (!progress_shown_) return;
  std::printf("\r\033[K");
  std::fflush(stdout);
  progress_shown_ = false;
}

std::string format_duration(double seconds) {
  if (seconds > 1e12) return fmt::format("{:.0e} years", seconds / 31557600.0);
  if (seconds < 60.0) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<long long>(std::llround(seconds));
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

std::string format_bytes(double bytes) {
  if (bytes >= 0x1.0p30) return fmt::format("{:.1f} GiB", bytes * 0x1.0p-30);
  if (bytes >= 0x1.0p20) return fmt::format("{:.0f} MiB", bytes * 0x1.0p-20);
  return fmt::format("{:.0f} KiB", bytes * 0x1.0p-10);
}

}  // namespace flatsweep
