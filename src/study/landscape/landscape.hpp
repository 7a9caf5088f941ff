#pragma once

#include "flatsweep/study/unit/study_kind.hpp"
#include "study/unit/training_stage.hpp"

namespace flatsweep {

/// Trains replicas and analyses their solutions: training to the window, the window, then the analyses of the table,
/// layer by layer. An analysis whose numbers cannot be had leaves a hole and the others go on; a unit none of whose
/// layers has the first one is failed.
[[nodiscard]] StudyKind landscape_study();

/// The analyses of a unit whose solution and windows are there, wherever they come from.
/// @note Collective over `team`.  @throws Stopped, IoError; agreed
[[nodiscard]] UnitOutcome analyse_unit(const Communicator& team, const UnitContext& context, TrainedUnit trained);

}  // namespace flatsweep
