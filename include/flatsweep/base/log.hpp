#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace spdlog {
class logger;
}

namespace flatsweep {

enum class Verbosity { normal, quiet };
enum class LogRank { writes, silent };  ///< one rank speaks for all

/// What the user reads: plain lines on the terminal, the same with times in a log file, and one line of progress that
/// is redrawn on a terminal and becomes a plain line every ten seconds elsewhere. A silent log does nothing.
class Log {
 public:
  Log(LogRank rank, Verbosity verbosity);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  /// Also writes to this file from now on, behind what stands in it.
  void open_file(const std::filesystem::path& file);

  void info(std::string_view line);
  void warning(std::string_view line);
  /// What one rank alone has to say: as `warning`, and a silent rank says it itself.
  /// @param file the speaking rank's log file
  void warning_of_any_rank(std::string_view line, const std::filesystem::path& file);
  /// The same of what is no warning.
  void info_of_any_rank(std::string_view line, const std::filesystem::path& file);
  /// To the log file alone.
  void record(std::string_view line);
  /// Redraws the progress line; cheap when nothing is due.
  void progress(std::string_view line);
  [[nodiscard]] bool progress_due() const;
  [[nodiscard]] bool writes() const { return rank_ == LogRank::writes; }

 private:
  void clear_progress();

  LogRank rank_;
  bool quiet_;
  bool terminal_;
  bool progress_shown_ = false;
  double last_progress_ = -1e9;
  std::shared_ptr<spdlog::logger> screen_;
  std::shared_ptr<spdlog::logger> file_;
};

/// "3 h 20 min", "4 min 12 s", "8.3 s"
[[nodiscard]] std::string format_duration(double seconds);
/// "1.5 GiB"
[[nodiscard]] std::string format_bytes(double bytes);

}  // namespace flatsweep
