#pragma once

#include "flatsweep/study/landscape/landscape.hpp"
#include "training_stage.hpp"

namespace flatsweep {

/// Curvature of the whole network at w_0; leaves the file network_curvature.h5, and nothing to do where that is there.
/// A matrix that fails leaves a hole.   @note Collective over the team.  @throws Stopped, IoError, agreed
void run_network_curvature_stage(const Communicator& team, const UnitContext& context, const TrainedUnit& trained);

}  // namespace flatsweep
