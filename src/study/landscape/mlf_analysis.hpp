#pragma once

#include "flatsweep/analysis/mlf.hpp"
#include "flatsweep/analysis/psi.hpp"
#include "flatsweep/io/tree.hpp"
#include "layer_analysis.hpp"

#include <Eigen/Core>

#include <functional>

namespace flatsweep {

class LayerRun;

/// Of minibatch loss functions along so many directions, as [mlf] says: work and size in results.h5.
[[nodiscard]] double mlf_flops(const LayerWorkload& work, double directions);
[[nodiscard]] double mlf_result_bytes(const LayerWorkload& work, double directions);

/// The group of the minibatch loss functions along directions of the layer, as [mlf] says, on rank 0.
/// @param directions (N, n) orthonormal columns, whose numbers are `along.direction`
/// @pre the minibatches are known   @note Collective over the run's team.  @throws SolverError, Stopped, agreed
[[nodiscard]] Group mlf_along(LayerRun& run, const Eigen::MatrixXd& directions, const MlfDirections& along,
                              const PsiOptions& fit, const std::function<void(double fraction)>& checkpoint);

}  // namespace flatsweep
