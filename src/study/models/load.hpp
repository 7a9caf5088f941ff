#pragma once

#include "flatsweep/par/communicator.hpp"
#include "study/unit/training_stage.hpp"

#include <string>

namespace flatsweep {

/// What is not known of a model, with what [model] says to do about it.
[[nodiscard]] Unrecorded unrecorded_of(const Config& config, const ModelEntry& model);

/// Reads a model's weights and opens its trajectory, in memory where it fits, on rank 0; measures loss and error,
/// says them, and leaves them and the weights in the file "training". Every rank gets the weights.
/// @param problem filled with what is wrong with the model's files; "" where they are whole
/// @note Collective over `team`.  @throws IoError of the output folder, agreed
[[nodiscard]] TrainedUnit load_on_team(const Communicator& team, const UnitContext& context, std::string& problem);

}  // namespace flatsweep
