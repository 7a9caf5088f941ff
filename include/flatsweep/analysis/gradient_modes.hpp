#pragma once

#include "flatsweep/data/image_dataset.hpp"
#include "flatsweep/train/noise_injection.hpp"

#include <cstdint>
#include <span>

namespace flatsweep {

/// The leading modes of the minibatch gradients of one layer's weights: eigenpairs of F = Q Q^T/N_m (eq. S20), by the
/// smaller of F and the Gram matrix of Q's columns. Serial.
struct GradientModes {
  NoiseModes leading;
  double trace = 0.0;  ///< of F, all modes
};

/// @param weights (parameters,)   @param order sample numbers, one minibatch after another: N_m of them
/// @param count how many modes; fewer where F has fewer   @throws SolverError
[[nodiscard]] GradientModes gradient_modes(const Network& network, std::span<const float> weights, int layer,
                                           const ImageSet& set, int batch_size, std::span<const std::uint32_t> order,
                                           int count);

}  // namespace flatsweep
