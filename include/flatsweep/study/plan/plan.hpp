#pragma once

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
  double seconds = 0.0;           ///< wall time expected
  double idle = 0.0;              ///< share of the teams' time in which they wait for the last one, expected
  double longest = 0.0;           ///< seconds of the costliest unit on one team, expected
  int quickest_team_size = 1;     ///< by the same expectation
  double quickest_seconds = 0.0;  ///< wall time expected with teams of that size
  double bytes_per_rank = 0.0;    ///< peak memory, without the data set
  double output_bytes = 0.0;      ///< size of the drawn units' results
};

/// Checks the configuration against the data's headers and makes the plan. Serial.
/// @param rate GFlop/s of one core, from `measure_product_rate`
/// @throws ConfigError: batch larger than the set, unknown layer, window too large to be written, missing data, a slice
/// without work
[[nodiscard]] Plan make_plan(const Config& config, int ranks, double rate, const Slice& slice = {});

/// The plan as lines for the terminal.
[[nodiscard]] std::vector<std::string> describe_plan(const Config& config, const Plan& plan);

}  // namespace flatsweep
