#pragma once

#include "flatsweep/analysis/noise_walk.hpp"
#include "flatsweep/par/communicator.hpp"

#include <Eigen/Core>

#include <span>
#include <string>
#include <vector>

namespace flatsweep {

/// What the run's gradient noise would have made of the window, had the weights felt no landscape. Where there is no
/// noise but rounding, all numbers are NaN, learning dimensions 0, and no direction is kept.
struct NoiseWalk {
  std::string reason;  ///< why there is no noise; empty where there is
  // The walk's own PCA.
  Eigen::VectorXd spectrum;        ///< (N,) variances, descending
  Eigen::MatrixXd directions;      ///< (N, K) its own principal directions of the first K chosen numbers, columns
  Eigen::VectorXd cosine_content;  ///< (10,)
  double total_variance = 0.0;
  double rounding = 0.0;  ///< variances not above it are rounding
  int moving = 0;         ///< leading directions with a variance above it
  int learning_dimension = 0, learning_dimension_without_first = 0;
  // Along the measured principal directions p_i that were chosen.
  Eigen::VectorXd walk_variance;  ///< (n,) variance of the walk; the p_i were chosen from the same minibatches
  Eigen::VectorXd
      fresh_walk_variance;             ///< (n,) of a walk of other minibatches (seed -1 - s), which the p_i do not know
  Eigen::VectorXd noise_variance;      ///< (n,) p_i^T C_B p_i, mean square of the noise over the window's iterations
  Eigen::VectorXd predicted_variance;  ///< (n,) expected in the window with that noise and curvature p_i^T H p_i
  Eigen::VectorXd flat_variance;       ///< (n,) the same without curvature
  double noise_trace = 0.0;            ///< tr C_B
};

/// @param directions (N, K) measured principal directions, columns   @param chosen column numbers, n of them
/// @param loss_curvature (n,) p_i^T H p_i, or empty; where NaN or not positive the prediction is the flat limit
/// @return the same on every rank, for any team size to rounding
/// @note Collective over `team`. Four passes over a window's minibatches, and the eigensolve of the PCA.
/// @throws ConfigError, agreed, for an optimiser without a walk; SolverError, agreed
[[nodiscard]] NoiseWalk measure_noise_walk(const Communicator& team, const FrozenRun& run,
                                           const Eigen::MatrixXd& directions, std::span<const int> chosen,
                                           std::span<const double> loss_curvature);

}  // namespace flatsweep
