#pragma once

#include "flatsweep/base/log.hpp"
#include "flatsweep/study/grid/config.hpp"
#include "flatsweep/study/store/folder_owner.hpp"

#include <filesystem>
#include <optional>
#include <string>

namespace flatsweep {

/// `extend` adds to the results that are there, which stay until the new ones are complete.
enum class OutputMode { fresh, resume, overwrite, extend };

/// Whether unfinished work of another configuration may be gone on with.
enum class OtherWork { refused, added_to };

/// What an output folder holds before the run.
enum class OutputState { ready, finished };

/// The folder of one run, guarded against a second job: results.h5, config.toml, log.txt, work/. Serial: rank 0 has it.
/// Two guards: a lock on the file `lock`, which goes with the process, however it ends, and the file `owner`.
class OutputFolder {
 public:
  /// Makes the folder and prepares it. With `resume` a finished run is reported as such, an unfinished one must have
  /// been started with the same configuration; with `overwrite` unfinished work is removed and results.h5 is replaced
  /// once the new one is complete.
  /// `extend` takes results, and work of the same configuration that was stopped.
  /// @param bytes  that the run will write: where there is less room nothing is begun
  /// @param tell   is told that an owner on another machine is waited for
  /// @throws ConfigError saying which option helps; IoError when the folder cannot be written
  OutputFolder(std::filesystem::path folder, OutputMode mode, const Config& config, double bytes = 0.0,
               const Tell& tell = {}, OwnerFile::Times times = {}, OtherWork other = OtherWork::refused);
  ~OutputFolder();
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;

  [[nodiscard]] OutputState state() const { return state_; }
  /// "", or that files cannot be locked here.
  [[nodiscard]] const std::string& lock_complaint() const { return lock_complaint_; }
  /// For `ownership_check` on every rank.
  [[nodiscard]] const std::string& owner() const { return owner_->text(); }
  /// @throws ConfigError when the file system has less room than `bytes`, what work/ takes already included. One that
  /// does not say how large it is has room.
  void check_space(double bytes) const;
  /// @return "", or what stands in the way: then the work that is left is not taken for a run
  [[nodiscard]] std::string remove_work() const;

 private:
  void lock();
  void prepare(OutputMode mode, const Config& config, double bytes, OtherWork other);
  void begin_work(const Config& config) const;
  void refuse_existing(OutputMode mode, bool has_results, bool has_work) const;
  void check_same_configuration(const Config& config) const;

  std::filesystem::path folder_;
  OutputState state_ = OutputState::ready;
  int lock_ = -1;
  std::string lock_complaint_;
  std::optional<OwnerFile> owner_;
};

/// How the configuration of the unfinished run in `folder` differs: "it was '...', now it is '...'"; "" when it does
/// not.
[[nodiscard]] std::string configuration_difference(const std::filesystem::path& folder, const Config& config);

[[nodiscard]] std::filesystem::path results_file(const std::filesystem::path& folder);
[[nodiscard]] std::filesystem::path work_folder(const std::filesystem::path& folder);

/// The configuration of the unfinished run in this output folder, as TOML.
[[nodiscard]] std::filesystem::path fingerprint_file(const std::filesystem::path& folder);

/// Marks a work folder as that of a finished slice.
[[nodiscard]] std::filesystem::path slice_record_file(const std::filesystem::path& work);

}  // namespace flatsweep
