#pragma once

#include "flatsweep/base/log.hpp"
#include "flatsweep/par/communicator.hpp"
#include "flatsweep/study/config.hpp"
#include "flatsweep/study/grid.hpp"
#include "flatsweep/study/output_folder.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace flatsweep {

struct RunOptions {
  std::filesystem::path output;
  OutputMode mode = OutputMode::fresh;
};

/// What a run would do, without doing it.
struct Plan {
  DatasetShape data;
  std::vector<Replica> replicas;
  std::vector<WorkUnit> units;       ///< with costs, in grid order
  std::vector<std::size_t> unit_of;  ///< for every replica the number of its unit
  int ranks = 1;
  int team_size = 1;
  int teams = 1;
  double seconds = 0.0;         ///< wall time expected
  double bytes_per_rank = 0.0;  ///< peak memory, without the data set
  double output_bytes = 0.0;    ///< size of results.h5
};

/// Checks the configuration against the data's headers and makes the plan. Serial.
/// @param rate GFlop/s of one core, from `measure_product_rate`
/// @throws ConfigError: batch larger than the set, unknown layer, window too large to be written, missing data
[[nodiscard]] Plan make_plan(const Config& config, int ranks, double rate);

/// The plan as lines for the terminal.
[[nodiscard]] std::vector<std::string> describe_plan(const Config& config, const Plan& plan);

/// Runs the study: queue over teams, one pipeline per replica, then results.h5.
/// @note Collective over `world`.  @throws ConfigError, IoError, ParallelError, Stopped; agreed over the ranks
void run_study(const Communicator& world, const Config& config, const RunOptions& options, Log& log);

}  // namespace flatsweep
