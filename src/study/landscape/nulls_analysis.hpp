#pragma once

#include "flatsweep/analysis/power_law.hpp"

#include <string>

namespace flatsweep {

/// Exponents of variance against flatness where no landscape acts, or none but the noise's
/// (docs/science/noise_walk.md), of one replica or over seeds; NaN what was not measured.
struct NullExponents {
  Exponent walk;            ///< of a walk of the gradient noise at w_0, along its own directions
  Exponent fresh;           ///< of a walk of other minibatches, along the measured directions
  Exponent half;            ///< directions of one half of the window, variance in that half
  Exponent held_out;        ///< the same directions, variance in the other half
  std::string walk_reason;  ///< why a seed has no gradient noise to walk; empty where all have
};

}  // namespace flatsweep
