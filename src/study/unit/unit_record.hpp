#pragma once

#include "flatsweep/par/communicator.hpp"
#include "flatsweep/study/unit/study_kind.hpp"
#include "flatsweep/train/trainer.hpp"
#include "training_stage.hpp"

#include <optional>
#include <string>

namespace flatsweep {

/// What becomes of the window's start once a unit is done.
enum class Window { removed, kept };

/// Runs one unit as its study does, unless it is done and every file of its results whole; what is damaged is made
/// again. Leaves how it ended in the unit's last file, and removes what only unfinished work needs. A unit that
/// is not done is reported.
/// @param window kept where a comparison of replicas may have to go through it again
/// @note Collective over `team`.  @throws as the study does
void run_unit(const Communicator& team, const UnitContext& context, const StudyKind& study, Window window);

/// Why a unit diverged, for its outcome.
[[nodiscard]] std::string divergence(const TrainerState& state);
/// Of a unit whose training ended before there was a window to analyse; nothing of others. The message is rank 0's.
[[nodiscard]] std::optional<UnitOutcome> outcome_without_window(const TrainedUnit& trained);

}  // namespace flatsweep
