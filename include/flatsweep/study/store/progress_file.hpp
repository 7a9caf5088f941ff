#pragma once

#include "flatsweep/base/regular_file.hpp"
#include "flatsweep/train/trainer.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace flatsweep {

/// What OUTPUT/progress.csv says of one moment.
struct ProgressLine {
  /// The number of a line that tells of the whole job.
  static constexpr std::int64_t job = -1;

  double time = 0.0;           ///< seconds since 1970, UTC
  std::int64_t replica = job;  ///< the first one of its unit of work
  std::string stage;           ///< without commas
  double fraction = 0.0;       ///< of the stage, 0 to 1
  double done = 0.0;           ///< of all that the replica, or the job, takes, as expected; 0 to 1
  /// Epochs done and what the last one measured; nothing where the line does not end an epoch.
  std::optional<std::int64_t> epoch = {};
  EpochRecord record = {};
};

namespace job_stage {
/// Of lines that tell of the whole job.
constexpr std::string_view begins = "begins", writes_results = "writing results.h5", stops = "stops", ends = "ends";
}  // namespace job_stage

/// The names of the columns with commas between them.
[[nodiscard]] std::string progress_header();

/// The line without its end.
[[nodiscard]] std::string to_text(const ProgressLine& line);

/// Nothing for a line that is no whole one, and for that of the names.
[[nodiscard]] std::optional<ProgressLine> parse_progress(std::string_view text);

[[nodiscard]] std::filesystem::path progress_file(const std::filesystem::path& folder);

/// Calls `take` for every whole line. What stands behind the last line's end, as a kill may leave it, is no line.
/// Serial.   @throws IoError when there is a file that cannot be read
void read_progress(const std::filesystem::path& folder, const std::function<void(const ProgressLine&)>& take);

/// OUTPUT/progress.csv while a job writes to it: any number of processes add whole lines, each in one write. A run goes
/// on where the file cannot be written.
class ProgressFile {
 public:
  ProgressFile() = default;
  /// Opens or makes the file. Never through a link.
  explicit ProgressFile(const std::filesystem::path& folder);

  /// Adds the line, at the time of the clock. Behind a line that a kill has cut there is none: what is left of it is
  /// removed.
  void append(ProgressLine line);
  /// "", or why no more lines are written.
  [[nodiscard]] const std::string& complaint() const { return complaint_; }

 private:
  void append_text(std::string text);
  void give_up(const std::string& reason);

  std::filesystem::path path_;
  FileHandle file_;
  std::string complaint_;
};

}  // namespace flatsweep
