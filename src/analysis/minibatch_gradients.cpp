#include "flatsweep/analysis/minibatch_gradients.hpp"

#include "flatsweep/base/index.hpp"
#include "gradient_blocks.hpp"

#include <algorithm>

namespace flatsweep {

namespace {

/// The layer that a block of parameters begins in.
int first_layer_of(ParameterBlock block, const Network& network) {
  const auto begins_behind = [&](const Layer& layer) { return layer.weights > block.offset; };
  return std::ranges::find_if(network.layers, begins_behind) - network.layers.begin() - 1;
}

}  // namespace

MinibatchGradients::MinibatchGradients(const Network& network, std::span<const float> weights, int layer,
                                       const ImageSet& set, int batch_size)
    : MinibatchGradients(network, weights, network.layers[layer].weight_block(), set, batch_size) {}

MinibatchGradients::MinibatchGradients(const Network& network, std::span<const float> weights, ParameterBlock block,
                                       const ImageSet& set, int batch_size)
    : network_(network),
      weights_(weights.begin(), weights.end()),
      block_(block),
      first_layer_(first_layer_of(block, network)),
      minibatch_(set, batch_size),
      executor_(network, batch_size, Direction::forward_and_backward),
      gradient_(network.parameters) {}

void MinibatchGradients::gradient_of(std::span<const std::uint32_t> samples) {
  minibatch_.take(samples);
  executor_.load(minibatch_.images());
  executor_.forward(weights_);
  (void)executor_.backward(weights_, minibatch_.labels(), gradient_, first_layer_);
}

void MinibatchGradients::for_each_block(std::span<const std::uint32_t> order, const SnapshotVisitor& visit) {
  const auto fill = [this](std::span<const std::uint32_t> samples, float* row) {
    gradient_of(samples);
    std::copy_n(gradient_.begin() + block_.offset, block_.size, row);
  };
  for_each_gradient_block(order, minibatch_.images().size(), block_.size, fill, visit);
}

}  // namespace flatsweep
