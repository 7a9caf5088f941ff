#include "flatsweep/train/layer_inputs.hpp"

#include "flatsweep/base/index.hpp"
#include "flatsweep/nn/block_samples.hpp"

#include <algorithm>
#include <numeric>

namespace flatsweep {

namespace {

/// Calls visit(feature, numbers of the samples) for everything that a layer receives.
template <class Visit>
void for_each_feature(const Layer& layer, const SampleRuns& runs, Visit visit) {
  const auto shape = layer.convolution ? layer.convolution->input : ImageShape{layer.inputs, 1, 1};
  Index feature = 0;
  for (int c = 0; c < shape.channels; ++c)
    for (int y = 0; y < shape.height; ++y)
      for (int x = 0; x < shape.width; ++x) visit(feature++, runs.at(c, y, x));
}

}  // namespace

LayerInputs::LayerInputs(const Network& network, std::span<const float> weights, int layer, const ImageSet& set)
    : description_(network.layers[layer]), layer_(layer), set_(set) {
  if (layer == 0) return;
  values_.resize(set.count(), description_.input_features());
  NetworkExecutor executor(network, evaluation_block.of(network), Direction::forward_only);
  for_each_block(set, executor.batch(), [&](std::int64_t first, auto images, auto) {
    executor.load(images);
    executor.forward(weights);
    for_each_feature(description_, executor.layer(layer).input_runs(), [&](Index feature, const float* run) {
      for (std::size_t n = 0; n < images.size(); ++n) values_(first + n, feature) = run[n];
    });
  });
}

void LayerInputs::load(NetworkExecutor& executor, std::span<const std::uint32_t> samples) const {
  std::vector<const std::uint8_t*> images;
  for (const auto sample : samples) images.push_back(set_.image(sample));
  if (layer_ == 0) return executor.load(images);
  executor.load_targets(images);
  for_each_feature(description_, executor.layer(layer_).input_runs(), [&](Index feature, float* run) {
    for (std::size_t n = 0; n < samples.size(); ++n) run[n] = values_(samples[n], feature);
  });
}

Evaluation evaluate(NetworkExecutor& executor, std::span<const float> weights, const LayerInputs& inputs) {
  const auto& set = inputs.set();
  const std::size_t batch = executor.batch();
  std::vector<std::uint32_t> order(set.labels.size());
  std::iota(order.begin(), order.end(), 0U);
  LossSum sum;
  for (std::size_t first = 0; first < order.size(); first += batch) {
    const auto count = std::min(batch, order.size() - first);
    inputs.load(executor, std::span(order).subspan(first, count));
    executor.forward(weights, inputs.layer());
    sum += executor.loss(set.labels.subspan(first, count));
  }
  return mean_of(sum, set);
}

}  // namespace flatsweep
