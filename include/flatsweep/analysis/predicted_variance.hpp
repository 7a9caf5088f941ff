#pragma once

#include "flatsweep/analysis/noise_walk.hpp"

#include <span>
#include <vector>

namespace flatsweep {

/// What the variance along directions of a quadratic loss is expected to be, (n,) each, from the curvature and the
/// gradient noise along each direction alone. Exact along eigenvectors of the Hessian of a quadratic loss with constant
/// noise; along others where Hessian and noise share their eigenvectors.
struct PredictedVariance {
  std::vector<double> window;      ///< `expected_window_variance` of the run; the flat limit without positive curvature
  std::vector<double> flat;        ///< the same without curvature
  std::vector<double> stationary;  ///< `white_noise_variance`; infinite without positive curvature
};

/// Weight decay adds to the curvature.
/// @param run its minibatches, steps and the length of its window; its weights do not matter
/// @param curvature (n,) u^T H u; NaN where it is not known   @param noise (n,) u^T C_B u
/// @return all NaN where steps are not linear in the gradients, as Adam's
[[nodiscard]] PredictedVariance predict_variance(const FrozenRun& run, std::span<const double> curvature,
                                                 std::span<const double> noise);

}  // namespace flatsweep
