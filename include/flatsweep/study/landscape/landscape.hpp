#pragma once

#include "flatsweep/data/image_dataset.hpp"
#include "flatsweep/par/communicator.hpp"
#include "flatsweep/study/grid/config.hpp"
#include "flatsweep/study/grid/grid.hpp"
#include "flatsweep/study/store/work_folder.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace flatsweep {

/// What stops inside a unit; the run around it says by what.
constexpr const char* stop_message = "asked to stop";

/// How a unit of work talks to the run around it. Called on every rank of the team.
struct UnitHooks {
  std::function<bool()> stop_requested;
  std::function<void(std::string_view stage, double fraction)> progress;
  /// Says on the terminal and in the log that something did not come out; one rank of the team calls it.
  std::function<void(const std::string& message)> report;
};

/// Everything that one unit of work needs.
struct UnitContext {
  const Config& config;
  const ImageDataset& data;
  const WorkUnit& unit;
  const UnitFolder& folder;
  const UnitHooks& hooks;
};

/// Trains one replica and analyses its solution: training to the window, the window, then PCA and flatness layer by
/// layer. Each stage leaves a durable file in the unit's folder and is skipped when that file is there; the last file,
/// "done", holds the unit's status (done | diverged | failed). An analysis whose numbers cannot be had leaves a hole
/// and the others go on; a unit without the PCA of any layer is failed.
/// @note Collective over `team`.
/// @throws Stopped when asked to, with the checkpoint written; IoError; both agreed over the team
void run_landscape_unit(const Communicator& team, const UnitContext& context);

}  // namespace flatsweep
