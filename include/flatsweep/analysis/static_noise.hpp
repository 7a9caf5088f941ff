#pragma once

#include "flatsweep/analysis/dynamics_fit.hpp"
#include "flatsweep/analysis/noise_walk.hpp"
#include "flatsweep/par/communicator.hpp"
#include "flatsweep/train/trainer.hpp"

#include <Eigen/Core>

#include <functional>
#include <memory>
#include <vector>

namespace flatsweep {

/// D_i by routes that do not look at the velocity, (n,) each; NaN where the optimiser has no such route.
struct StaticNoise {
  std::vector<double> at_solution;  ///< velocity_per_gradient times gradient_noise at w_0
  std::vector<double> in_window;    ///< velocity_per_gradient times window_gradient_square
};

/// @param restart_window gives a trainer at the start of the window, on rank 0   @param chosen columns of `directions`
/// @param frozen_points weights of the window at which the second route looks; 0 leaves it out
/// @return the same on all ranks, for any team size to rounding   @note Collective over `team`.
/// @throws ConfigError where a chosen number is no column's
[[nodiscard]] StaticNoise static_noise(const Communicator& team, const FrozenRun& run,
                                       const std::function<std::unique_ptr<Trainer>()>& restart_window,
                                       const Eigen::MatrixXd& directions, const std::vector<int>& chosen,
                                       int frozen_points);

/// Median of such a D_i over that of the velocities, over the directions of the fit that move; NaN where there is none.
[[nodiscard]] double median_ratio(const std::vector<double>& noise, const Dynamics& dynamics,
                                  const DynamicsRelation& relation, const DynamicsFit& fit);

}  // namespace flatsweep
