#pragma once

#include "flatsweep/data/image_dataset.hpp"
#include "flatsweep/nn/network.hpp"
#include "flatsweep/par/communicator.hpp"

#include <cstdint>
#include <functional>
#include <span>

namespace flatsweep {

/// How sharp the loss of a minibatch is along its own gradient: the mean over minibatches of g_B^T H_B g_B/|g_B|^2, g_B
/// and H_B gradient and Hessian of the minibatch's mean loss in all weights and biases. 2/alpha is where it settles at
/// the edge of stability of SGD (Andreyev and Beneventano 2024, arXiv:2412.20553; what we saw: docs/science/edge.md).
struct BatchSharpness {
  double mean = 0.0;   ///< NaN where no minibatch has a gradient
  double error = 0.0;  ///< standard error of the mean over minibatches; NaN for fewer than two
  std::int64_t minibatches = 0;
};

/// @param weights (parameters,) the same on every rank
/// @param order sample numbers, one minibatch of `batch_size` after another, as Sampler::order gives them
/// @param checkpoint called with the share that is done; may throw Stopped
/// @return the same on every rank, bitwise the same for any team size
/// @note Collective over `team`, over whose ranks minibatches are dealt.  @throws Stopped, agreed
[[nodiscard]] BatchSharpness batch_sharpness(const Communicator& team, const Network& network,
                                             std::span<const float> weights, const ImageSet& set, int batch_size,
                                             std::span<const std::uint32_t> order,
                                             const std::function<void(double)>& checkpoint = {});

}  // namespace flatsweep
