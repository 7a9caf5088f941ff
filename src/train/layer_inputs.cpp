#include "flatsweep/train/layer_inputs.hpp"

#include "flatsweep/nn/block_samples.hpp"

#include <algorithm>
#include <numeric>

namespace flatsweep {

namespace {

/// Calls visit(feature, numbers of the samples) for everything that a layer receives.
template <class Visit>
void for_each_feature(const Layer& layer, const SampleRuns& runs, Visit visit) {
  const auto shape = layer.convolution ? layer.convolution->input : ImageShape{layer.inputs, 1, 1};
  Eigen::Index feature = 0;
  for (int c = 0; c < shape.channels; ++c)
    for (int y = 0; y < shape.height; ++y)
      for (int x = 0; x < shape.width; ++x) visit(feature++, runs.at(c, y, x));
}

}  // namespace

LayerInputs::LayerInputs(const Network& network, std::span<const float> weights, int layer, const ImageSet& set)
    : description_(network.layers[static_cast<std::size_t>(layer)]), layer_(layer), set_(set) {
  if (layer == 0) return;
  values_.resize(set.count(), description_.input_features());
  Propagator propagator(network, evaluation_block.of(network), Direction::forward_only);
  for_each_block(set, propagator.batch(), [&](std::int64_t first, auto images, auto) {
    propagator.load(images);
    propagator.forward(weights);
    for_each_feature(description_, propagator.layer(layer).input_runs(), [&](Eigen::Index feature, const float* run) {
      for (std::size_t n = 0; n < images.size(); ++n) values_(first + static_cast<Eigen::Index>(n), feature) = run[n];
    });
  });
}

void LayerInputs::load(Propagator& propagator, std::span<const std::uint32_t> samples) const {
  if (layer_ == 0) {
    std::vector<const std::uint8_t*> images;
    for (const auto sample : samples) images.push_back(set_.image(sample));
    return propagator.load(images);
  }
  for_each_feature(description_, propagator.layer(layer_).input_runs(), [&](Eigen::Index feature, float* run) {
    for (std::size_t n = 0; n < samples.size(); ++n) run[n] = values_(samples[n], feature);
  });
}

Evaluation evaluate(Propagator& propagator, std::span<const float> weights, const LayerInputs& inputs) {
  const auto& set = inputs.set();
  const auto batch = static_cast<std::size_t>(propagator.batch());
  std::vector<std::uint32_t> order(set.labels.size());
  std::iota(order.begin(), order.end(), 0U);
  LossSum sum;
  for (std::size_t first = 0; first < order.size(); first += batch) {
    const auto count = std::min(batch, order.size() - first);
    inputs.load(propagator, std::span(order).subspan(first, count));
    propagator.forward(weights, inputs.layer());
    sum += propagator.loss(set.labels.subspan(first, count));
  }
  const auto count = static_cast<double>(set.count());
  return {sum.loss / count, static_cast<double>(sum.errors) / count};
}

}  // namespace flatsweep
