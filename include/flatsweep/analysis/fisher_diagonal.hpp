#pragma once

#include "flatsweep/data/image_dataset.hpp"
#include "flatsweep/nn/network.hpp"
#include "flatsweep/par/communicator.hpp"

#include <Eigen/Core>

#include <cstdint>
#include <span>

namespace flatsweep {

/// Diagonals of three matrices that go by the name of Fisher, for one layer's weights; (N,) each. g_n is the gradient
/// of sample n's loss.
struct FisherDiagonals {
  Eigen::VectorXd exact;      ///< mean over samples of sum_c p_c g_n(c)^2, c the label in place of n's own: the Fisher
                              ///< information itself
  Eigen::VectorXd empirical;  ///< mean over samples of g_n^2 with the labels of the set
  Eigen::VectorXd batched;    ///< mean over minibatches of the square of their mean gradient, a short cut of some tools
};

/// @param weights (parameters,) the same on every rank
/// @param order sample numbers, one minibatch after another, for `batched`
/// @return the same on every rank, equal for any team size to rounding
/// @note Collective over `team`; samples are dealt over its ranks.
[[nodiscard]] FisherDiagonals fisher_diagonals(const Communicator& team, const Network& network,
                                               std::span<const float> weights, int layer_index, const ImageSet& set,
                                               int batch_size, std::span<const std::uint32_t> order);

}  // namespace flatsweep
