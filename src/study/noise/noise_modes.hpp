#pragma once

#include "flatsweep/analysis/gradient_modes.hpp"
#include "flatsweep/io/tree.hpp"
#include "flatsweep/study/unit/unit_context.hpp"

#include <span>
#include <vector>

namespace flatsweep {

/// The noise's modes of every layer at these weights, from N_m minibatches that depend on the seed only. Rank 0 does
/// the work, so that they are the same for any number of ranks.
/// @note Collective over `team`.  @throws SolverError, agreed
[[nodiscard]] std::vector<GradientModes> measure_noise_modes(const Communicator& team, const UnitContext& context,
                                                             const Network& network, std::span<const float> weights);

/// Group noise/ of a replica: the spectra last measured, none for methods without noise.
/// @param reached whether noise.until_loss ended the training
[[nodiscard]] Group noise_tree(const Network& network, const std::vector<GradientModes>& spectra, bool reached);

}  // namespace flatsweep
