#pragma once

#include "flatsweep/analysis/dynamics.hpp"
#include "flatsweep/analysis/dynamics_fit.hpp"
#include "flatsweep/io/tree.hpp"

#include <string>
#include <vector>

namespace flatsweep {

/// D_i by routes that do not look at the velocity, (n,) each; NaN where the optimiser has no such route.
struct StaticNoise {
  std::vector<double> at_solution;  ///< velocity_per_gradient times gradient_noise at w_0
  std::vector<double> in_window;    ///< velocity_per_gradient times window_gradient_square
};

/// Group dynamics/<layer>.
/// @param relation  of these dynamics, for its flatness   @param fit  of this replica alone
[[nodiscard]] Group dynamics_tree(const std::string& layer, const Dynamics& dynamics, const StaticNoise& noise,
                                  const DynamicsRelation& relation, const DynamicsFit& fit);
/// What exponents are fitted to, back from such a group.
[[nodiscard]] DynamicsRelation dynamics_from_tree(const Group& dynamics);

}  // namespace flatsweep
