#pragma once

#include "flatsweep/study/unit/unit_status.hpp"

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace flatsweep {

/// `ready`: a slice whose replicas are all done with, to be merged.
enum class RunState { finished, running, stopped, ready };

/// A unit of work that is begun and not finished. Its last line of progress.csv says how far it is.
struct UnitInHand {
  std::int64_t replica = 0;
  std::string stage;
  double fraction = 0.0;              ///< of the stage
  double done = 0.0;                  ///< of the unit
  std::optional<std::int64_t> epoch;  ///< epochs trained, as far as they were recorded
  std::optional<double> test_error;   ///< after these
};

/// A unit that came out otherwise than done.
struct UnitTrouble {
  std::int64_t replica = 0;
  UnitStatus status = UnitStatus::failed;
  std::string message;
};

/// How far the run, or the slice, in an output folder is.
struct RunStatus {
  RunState state = RunState::stopped;
  std::string owner;  ///< "process 12 on host" of the job that writes, or that was killed; "" where there is none
  bool has_results = false;  ///< results.h5 is there; while work goes on, of an earlier run
  std::array<std::int64_t, enum_words<UnitStatus>.size()> ended{};  ///< replicas that came out so, by UnitStatus
  std::int64_t replicas = 0;      ///< all of them; 0 where the job has not come to its plan
  std::int64_t in_hand = 0;       ///< replicas that are being worked on
  std::vector<UnitInHand> begun;  ///< of a run that was stopped, what was in hand
  std::vector<UnitTrouble> troubles;
  double done = 0.0;                          ///< share of the work
  std::string job_stage;                      ///< what the job does once all units are done
  std::optional<double> begin, last;          ///< seconds since 1970 of the last job's first and last line
  std::optional<double> replicas_per_minute;  ///< of this job
  std::optional<double> seconds_left;         ///< by the share of the work that this job has done

  [[nodiscard]] std::int64_t count(UnitStatus status) const { return ended[static_cast<std::size_t>(status)]; }
  [[nodiscard]] std::int64_t all_ended() const;
  [[nodiscard]] std::int64_t waiting() const { return replicas - all_ended() - in_hand; }
};

/// Reads what the job leaves in its folder, and changes nothing there: no lock is taken. Serial, without MPI.
/// @param now  seconds since 1970
/// @throws ConfigError: the folder holds no run; IoError
[[nodiscard]] RunStatus read_status(const std::filesystem::path& folder, double now);

/// The folders of slices in `folder`, in their order; none where it holds a run.
[[nodiscard]] std::vector<std::filesystem::path> slices_in(const std::filesystem::path& folder);

/// Lines for the terminal.
/// @param now  as above
[[nodiscard]] std::vector<std::string> describe_status(const std::filesystem::path& folder, const RunStatus& status,
                                                       double now);

/// One line of it.
[[nodiscard]] std::string summarise_status(const RunStatus& status);

}  // namespace flatsweep
