#pragma once

#include "flatsweep/data/unit_data.hpp"
#include "flatsweep/par/communicator.hpp"
#include "flatsweep/study/grid/config.hpp"
#include "flatsweep/study/grid/grid.hpp"
#include "flatsweep/study/store/work_folder.hpp"
#include "flatsweep/train/trainer.hpp"

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
  /// An epoch of training has ended with this state; the team's rank 0 calls it, others may.
  std::function<void(std::string_view stage, double fraction, const TrainerState& state)> epoch;
  /// Says on the terminal and in the log that something did not come out; one rank of the team calls it.
  std::function<void(const std::string& message)> report;
  /// Says there what a reader wants to know at once; one rank of the team calls it.
  std::function<void(const std::string& message)> tell = {};
};

/// Everything that one unit of work needs.
struct UnitContext {
  const Config& config;
  const UnitData& data;
  const WorkUnit& unit;
  const UnitFolder& folder;
  const UnitHooks& hooks;
};

}  // namespace flatsweep
