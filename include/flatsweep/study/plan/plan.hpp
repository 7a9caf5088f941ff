#pragma once

#include "flatsweep/data/image_dataset.hpp"
#include "flatsweep/study/grid/config.hpp"
#include "flatsweep/study/grid/grid.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace flatsweep {

/// What a run would do, without doing it.
struct Plan {
  DatasetShape data;
  std::vector<Replica> replicas;
  std::vector<WorkUnit> units;       ///< with costs, in grid order
  std::vector<std::size_t> unit_of;  ///< for every replica the number of its unit
  Slice slice;
  std::vector<std::size_t> drawn;  ///< numbers of the units that this run works on: those of the slice
  int ranks = 1;
  int team_size = 1;
  int teams = 1;
  double seconds = 0.0;             ///< wall time expected
  double idle = 0.0;                ///< share of the teams' time in which they wait for the last one, expected
  double longest = 0.0;             ///< seconds of the costliest unit on one team, expected
  int quickest_team_size = 1;       ///< by the same expectation
  double quickest_seconds = 0.0;    ///< wall time expected with teams of that size
  double comparison_seconds = 0.0;  ///< of these what compares the seeds at the end
  double core_share = 1.0;          ///< CPU time over wall time when the speed was measured
  std::int64_t finished = 0;        ///< drawn units that an earlier job finished; their costs are 0
  double bytes_per_rank = 0.0;      ///< peak memory of the work
  double resident_bytes = 0.0;      ///< what the rank held before: the program and the images
  double output_bytes = 0.0;        ///< size of the drawn units' results
};

/// Checks the configuration against the data's headers and makes the plan. Serial.
/// @param rate GFlop/s of one core, from `measure_core`
/// @throws ConfigError: batch larger than the set, unknown layer, window too large to be written, missing data, a slice
/// without work
[[nodiscard]] Plan make_plan(const Config& config, int ranks, double rate, const Slice& slice = {});

/// Of every unit how much longer its training takes than its flops say: epochs on some of the images, timed several
/// times, for networks and batch sizes of each kind once. Takes seconds. Serial.
/// @param rate as the plan was made with
[[nodiscard]] std::vector<double> measure_training(const Config& config, const Plan& plan, const ImageDataset& data,
                                                   double rate);
/// Expects so much longer trainings.   @param factors one for each unit, as from `measure_training`
void refine(Plan& plan, const std::vector<double>& factors);
/// Expects no more than the other units take.   @param finished for each unit
void leave_out_finished(Plan& plan, const std::vector<bool>& finished);

/// The plan as lines for the terminal.
[[nodiscard]] std::vector<std::string> describe_plan(const Config& config, const Plan& plan);

}  // namespace flatsweep
