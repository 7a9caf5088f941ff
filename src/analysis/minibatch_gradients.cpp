#include "flatsweep/analysis/minibatch_gradients.hpp"

#include "flatsweep/base/index.hpp"

#include <algorithm>

namespace flatsweep {

namespace {
constexpr Index gradients_per_block = 256;
}

MinibatchGradients::MinibatchGradients(const Network& network, std::span<const float> weights, int layer,
                                       const ImageSet& set, int batch_size)
    : MinibatchGradients(network, weights, network.layers[layer].weight_block(), set, batch_size) {}

MinibatchGradients::MinibatchGradients(const Network& network, std::span<const float> weights, ParameterBlock block,
                                       const ImageSet& set, int batch_size)
    : network_(network),
      weights_(weights.begin(), weights.end()),
      block_(block),
      set_(set),
      executor_(network, batch_size, Direction::forward_and_backward),
      gradient_(network.parameters),
      images_(batch_size),
      labels_(batch_size) {}

void MinibatchGradients::gradient_of(std::span<const std::uint32_t> samples) {
  for (std::size_t i = 0; i < samples.size(); ++i) {
    images_[i] = set_.image(samples[i]);
    labels_[i] = set_.labels[samples[i]];
  }
  executor_.load(images_);
  executor_.forward(weights_);
  (void)executor_.backward(weights_, labels_, gradient_);
}

void MinibatchGradients::for_each_block(std::span<const std::uint32_t> order, const SnapshotVisitor& visit) {
  RowMatrixF rows(gradients_per_block, block_.size);
  Index filled = 0;
  for (std::size_t first = 0; first < order.size(); first += images_.size()) {
    gradient_of(order.subspan(first, images_.size()));
    std::copy_n(gradient_.begin() + block_.offset, block_.size, rows.row(filled).data());
    if (++filled < gradients_per_block) continue;
    visit(rows);
    filled = 0;
  }
  if (filled > 0) visit(rows.topRows(filled));
}

}  // namespace flatsweep
