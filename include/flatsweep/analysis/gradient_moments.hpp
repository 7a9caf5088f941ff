#pragma once

#include "flatsweep/analysis/curvature_operator.hpp"
#include "flatsweep/data/image_dataset.hpp"
#include "flatsweep/nn/network.hpp"
#include "flatsweep/par/communicator.hpp"

#include <Eigen/Core>

#include <cstdint>
#include <span>

namespace flatsweep {

/// First and second moment of the gradients of single samples by one layer's weights, g_n.
struct GradientMoments {
  std::int64_t samples = 0;  ///< M
  Eigen::VectorXd mean;      ///< (N,) <g>, the gradient of the mean loss
  Eigen::MatrixXd second;    ///< (N, N) <g g^T>, the empirical Fisher matrix, both triangles

  /// C_B = f (<g g^T> - <g><g>^T) with f = scheme.noise_factor(M).
  [[nodiscard]] Eigen::MatrixXd noise_covariance(const MinibatchScheme& scheme) const;
};

/// @param weights (parameters,) the same on every rank
/// @return the same on every rank, equal for any team size to rounding
/// @note Collective over `team`; samples are dealt over its ranks.
/// @throws SolverError, agreed, when the layer has more than 32000 weights
[[nodiscard]] GradientMoments gradient_moments(const Communicator& team, const Network& network,
                                               std::span<const float> weights, int layer_index, const ImageSet& set);

/// Q Q^T/N_m (eq. S20): (N, N), both triangles, over the minibatches of scheme.order. Collective likewise.
[[nodiscard]] Eigen::MatrixXd minibatch_second_moment(const Communicator& team, const Network& network,
                                                      std::span<const float> weights, int layer_index,
                                                      const ImageSet& set, const MinibatchScheme& scheme);

}  // namespace flatsweep
