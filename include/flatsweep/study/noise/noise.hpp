#pragma once

#include "flatsweep/study/landscape/landscape.hpp"

namespace flatsweep {

/// Checks what the reader of the file cannot.   @throws ConfigError
void check_noise(const Config& config, const Replica& replica, const Network& network);

/// Trains one replica by SGD, or by full-batch gradient descent with or without injected noise, the gradient shared by
/// the team. Leaves its curves and, where noise was injected, the spectra it was drawn from.
/// @note Collective over `team`.
/// @throws Stopped when asked to, with a checkpoint written; IoError; all agreed over the team
void run_noise_unit(const Communicator& team, const UnitContext& context);

}  // namespace flatsweep
