#pragma once

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace flatsweep {

/// Says something that the user should know.
using Tell = std::function<void(const std::string& message)>;

/// The file OUTPUT/owner: which process writes to the folder. It holds where file locks do not work, or where the file
/// `lock` was removed. It is made with O_EXCL, touched every few seconds as a sign of life, and removed at the end. Of
/// a process on this machine the process table tells whether it still lives; of another, that its file is touched.
class OwnerFile {
 public:
  struct Times {
    std::chrono::milliseconds beat{5000};       ///< between two signs of life
    std::chrono::milliseconds patience{20000};  ///< how long one is waited for
    std::chrono::seconds forgotten{3600};       ///< a file that old is not waited for; clocks may differ by less
  };

  /// @param tell  is told when an owner on another machine is waited for
  /// @throws ConfigError when another process owns the folder, IoError when the file cannot be written
  OwnerFile(const std::filesystem::path& folder, const Tell& tell, Times times);
  ~OwnerFile();
  OwnerFile(const OwnerFile&) = delete;
  OwnerFile& operator=(const OwnerFile&) = delete;

  /// What the file says; no two processes write the same.
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  void claim(const Tell& tell);
  void beat();

  std::filesystem::path file_;
  std::string text_;
  Times times_;
  int handle_ = -1;
  std::mutex mutex_;
  std::condition_variable ended_changed_;
  bool ended_ = false;
  std::thread heart_;
};

enum class Life { alive, gone, unknown };

/// What the file `owner` of a folder tells an onlooker of the job that writes there.
struct OwnerSign {
  std::string name;           ///< "process 12 on host"
  Life life = Life::unknown;  ///< unknown of a process in another process table
  double age = 0.0;           ///< seconds since it was last touched, by this machine's clock

  /// Whether the job lives, as far as can be told without waiting for the next sign of life.
  [[nodiscard]] bool seems_alive(OwnerFile::Times times = {}) const;
};

/// Nothing where there is no such file, as at a job's end. Changes nothing.
[[nodiscard]] std::optional<OwnerSign> owner_sign(const std::filesystem::path& folder);

/// What every rank calls before it gives a file in `folder` its name: throws IoError once the folder at this path is
/// not the one that the process with this owner's text began in (it was moved away, removed or replaced), or is another
/// process's. Where the file `owner` alone was removed, it is made again.
[[nodiscard]] std::function<void()> ownership_check(const std::filesystem::path& folder, const std::string& text);

}  // namespace flatsweep
