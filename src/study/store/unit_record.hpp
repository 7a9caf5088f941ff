#pragma once

#include "flatsweep/par/communicator.hpp"
#include "flatsweep/study/landscape/landscape.hpp"
#include "flatsweep/train/trainer.hpp"

#include <string>

namespace flatsweep {

/// Is the unit done, and every file of its results whole? Else it is no longer marked as done, and what is damaged will
/// be made again.   @note Collective over `team`.
[[nodiscard]] bool unit_is_done(const Communicator& team, const UnitContext& context);

struct UnitOutcome {
  std::string status;    ///< done | diverged | failed
  std::string message;   ///< why it is not done
  double seconds = 0.0;  ///< since this run took it up
};

/// Why a unit diverged, for its outcome.
[[nodiscard]] std::string divergence(const TrainerState& state);

/// Writes the unit's last file, removes what only unfinished work needs, and reports a unit that is not done.   @note
/// Collective over `team`.
void finish_unit(const Communicator& team, const UnitContext& context, const UnitOutcome& outcome);

}  // namespace flatsweep
