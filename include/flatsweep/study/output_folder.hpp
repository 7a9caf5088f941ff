#pragma once

#include "flatsweep/base/log.hpp"
#include "flatsweep/study/config.hpp"

#include <filesystem>
#include <string>

namespace flatsweep {

enum class OutputMode { fresh, resume, overwrite };

/// What an output folder holds before the run.
enum class OutputState { ready, finished };

/// The folder of one run, locked against a second job: results.h5, config.toml, log.txt, work/. Serial: rank 0 has it.
/// The lock goes with the process, however it ends.
class OutputFolder {
 public:
  /// Makes the folder and prepares it. With `resume` a finished run is reported as such, an unfinished one must have
  /// been started with the same configuration; with `overwrite` unfinished work is removed and results.h5 is replaced
  /// once the new one is complete.
  /// @throws ConfigError saying which option helps; IoError when the folder cannot be written
  OutputFolder(std::filesystem::path folder, OutputMode mode, const Config& config);
  ~OutputFolder();
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;

  [[nodiscard]] OutputState state() const { return state_; }
  /// @throws ConfigError when the file system has less room than `bytes`
  void check_space(double bytes) const;
  void remove_work() const;

 private:
  void lock();
  void prepare(OutputMode mode, const Config& config);
  void check_same_configuration(const Config& config) const;

  std::filesystem::path folder_;
  OutputState state_ = OutputState::ready;
  int lock_ = -1;
};

/// How the configuration of the unfinished run in `folder` differs: "it was '...', now it is '...'"; "" when it does
/// not.
[[nodiscard]] std::string configuration_difference(const std::filesystem::path& folder, const Config& config);

[[nodiscard]] std::filesystem::path results_file(const std::filesystem::path& folder);
[[nodiscard]] std::filesystem::path work_folder(const std::filesystem::path& folder);

}  // namespace flatsweep
