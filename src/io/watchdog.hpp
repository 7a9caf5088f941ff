#pragma once

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>

namespace flatsweep {

/// Prints `message`, removes `file`, and leaves with the exit code of an input/output failure, without MPI_Finalize and
/// without destructors: the launcher then ends the other ranks.
[[noreturn]] void end_process(const std::string& message, const std::filesystem::path& file);

/// A watch over collective HDF5 calls. When the disk fails under one rank, MPI-IO may leave all of them waiting for
/// each other, in calls that nothing can interrupt; then the process is left. Time while a job is suspended does not
/// count.
class Watchdog {
 public:
  /// @param file  what is removed when the process is left
  explicit Watchdog(std::filesystem::path file);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  /// From now on, `clear` or `set` must be called within `time`.
  void set(std::chrono::seconds time, std::string message);
  void clear();

 private:
  void watch();

  std::filesystem::path file_;
  std::mutex mutex_;
  std::condition_variable ended_changed_;
  std::chrono::seconds left_{0};  ///< 0: not set
  std::string message_;
  bool ended_ = false;
  std::thread watcher_;
};

}  // namespace flatsweep
