#pragma once

#include "flatsweep/app/command_line.hpp"
#include "flatsweep/par/communicator.hpp"
#include "flatsweep/study/grid/config.hpp"
#include "flatsweep/study/run/run.hpp"

// What an output folder was made with before, where a command goes on from there.
namespace flatsweep {

/// What `analyse DIR` runs: the configuration that the results in DIR were made with, with --set.
struct Addition {
  Config config;
  RunOptions options;  ///< but for the solver's
};

/// @note Collective.  @throws ConfigError, agreed: there are no results, or what is asked for cannot be added to them
[[nodiscard]] Addition addition_to(const Communicator& world, const CommandLine& line);

/// What `fork DIR` runs: that configuration with the replica's values in the place of [grid], from a state that the
/// results have of it, with --set.
/// @note Collective.  @throws ConfigError, agreed: there is no such replica or state
[[nodiscard]] Config config_of_fork(const Communicator& world, const CommandLine& line);

/// Of a run with --resume: what was begun in its folder, and whether this configuration may go on with it.
/// @note Collective.  @throws ConfigError, agreed, naming the key that stands in the way
void look_at_earlier_work(const Communicator& world, const Config& config, const CommandLine& line,
                          RunOptions& options);

}  // namespace flatsweep
