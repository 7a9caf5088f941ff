#pragma once

#include "flatsweep/analysis/dynamics.hpp"
#include "flatsweep/analysis/dynamics_fit.hpp"
#include "flatsweep/analysis/static_noise.hpp"
#include "flatsweep/io/tree.hpp"

namespace flatsweep {

/// Contents of its group.
/// @param relation  of these dynamics, for its flatness   @param fit  of this replica alone
[[nodiscard]] Group dynamics_tree(const Dynamics& dynamics, const StaticNoise& noise, const DynamicsRelation& relation,
                                  const DynamicsFit& fit);
/// What exponents are fitted to, back from such a group.
[[nodiscard]] DynamicsRelation dynamics_from_tree(const Group& dynamics);

}  // namespace flatsweep
