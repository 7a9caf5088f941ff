#pragma once

#include "flatsweep/data/image_dataset.hpp"
#include "flatsweep/train/noise_injection.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace flatsweep {

/// The leading modes of the minibatch gradients by one layer's weights: eigenpairs of F = Q Q^T/N_m (eq. S20), by the
/// smaller of F and the Gram matrix of Q's columns.
struct GradientModes {
  NoiseModes leading;
  double trace = 0.0;  ///< of F, all modes
};

/// Those of every layer, from one pass over the minibatches; their gradients by all parameters are held at once.
/// Serial.
/// @param weights (parameters,)   @param order sample numbers, one minibatch after another: N_m of them
/// @param count how many modes of each layer; fewer where F has fewer
/// @param checkpoint called between blocks of minibatches; may throw; may be empty   @throws SolverError
[[nodiscard]] std::vector<GradientModes> gradient_modes(const Network& network, std::span<const float> weights,
                                                        const ImageSet& set, int batch_size,
                                                        std::span<const std::uint32_t> order, int count,
                                                        const std::function<void()>& checkpoint = {});

}  // namespace flatsweep
