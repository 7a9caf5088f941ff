#pragma once

#include "flatsweep/base/log.hpp"
#include "flatsweep/par/communicator.hpp"
#include "flatsweep/study/grid/config.hpp"
#include "flatsweep/study/grid/grid.hpp"
#include "flatsweep/study/plan/plan.hpp"
#include "flatsweep/study/store/output_folder.hpp"

#include <filesystem>
#include <optional>
#include <string>

namespace flatsweep {

struct RunOptions {
  std::filesystem::path output;
  OutputMode mode = OutputMode::fresh;
  Slice slice;  ///< the share of the grid to run; a true share leaves its work for merge_slices and no results.h5
  /// Of the results that are in the folder and are added to, with the modes extend and resume; nothing otherwise.
  std::optional<Config> results_config = {};
  OtherWork other_work = OtherWork::refused;
  std::string solver_options = {};  ///< PETSc's options that stand, part of the run's identity; the same on every rank
};

/// Runs the study, or a slice of it: queue over teams, one pipeline per replica, then, of the whole, results.h5.
/// @note Collective over `world`.  @throws ConfigError, IoError, ParallelError, Stopped; agreed over the ranks
void run_study(const Communicator& world, const Config& config, const RunOptions& options, Log& log);

}  // namespace flatsweep
