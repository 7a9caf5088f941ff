#pragma once

#include "flatsweep/data/image_dataset.hpp"
#include "flatsweep/nn/network.hpp"
#include "flatsweep/par/communicator.hpp"

#include <Eigen/Core>

#include <cstddef>
#include <optional>
#include <span>

namespace flatsweep {

/// Coordinates of the flat weight vector: one layer's weights, or all weights and biases.
struct WeightRange {
  std::size_t first = 0, size = 0;
  WeightRange(const Network& network, std::optional<int> layer);
};

/// The mean loss over an image set and its gradient by a range of weights.
struct LossGradient {
  double loss = 0.0;
  Eigen::VectorXd gradient;  ///< (range.size,)
};

/// @param weights (parameters,) the same on every rank
/// @return bitwise the same on every rank, equal for any team size to rounding
/// @note Collective over `team`; samples are dealt over its ranks.
[[nodiscard]] LossGradient loss_gradient(const Communicator& team, const Network& network,
                                         std::span<const float> weights, const ImageSet& set, const WeightRange& range);

}  // namespace flatsweep
