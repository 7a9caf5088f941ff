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
[[noreturn]] void leave_process(const std::string& message, const std::filesystem::path& file);

/// For what must not hang: unless it is destroyed in time, the process is left.
class Deadline {
 public:
  Deadline(std::string message, std::filesystem::path file, std::chrono::seconds time = std::chrono::seconds(30));
  ~Deadline();
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

 private:
  std::mutex mutex_;
  std::condition_variable met_changed_;
  bool met_ = false;
  std::thread watcher_;
};

}  // namespace flatsweep
