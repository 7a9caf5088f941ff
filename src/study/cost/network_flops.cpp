#include "network_flops.hpp"

#include "flatsweep/analysis/curvature_operator.hpp"
#include "flatsweep/analysis/layer_probe.hpp"
#include "flatsweep/nn/patch_executor.hpp"

#include <algorithm>
#include <cmath>

namespace flatsweep {

namespace {

// What the softmax costs per sample and class, ReLU and pooling per output of a convolution, in flops.
constexpr double softmax_flops = 40.0;
constexpr double pointwise_flops = 8.0;

}  // namespace

double pooling_flops(const Layer& layer) {
  return layer.convolution ? pointwise_flops * layer.outputs * layer.output_positions() : 0.0;
}

double evaluation_flops(const Network& network, const Layer& layer) {
  double flops = pooling_flops(layer) + softmax_flops * network.classes();
  for (std::size_t i = network.index_of(layer.name) + 1; i < network.layers.size(); ++i)
    flops += network.layers[i].product_flops() + pooling_flops(network.layers[i]);
  return flops;
}

bool is_curved(const Network& network, const Layer& layer) { return network.curved(network.index_of(layer.name)); }

double curvature_product_flops(const Network& network) { return 2.0 * network.training_flops() / training_share; }

double layer_product_flops(const Network& network, const Layer& layer, double samples) {
  if (kept_sample_bytes(network, samples) == 0.0) return curvature_product_flops(network);
  double flops = -layer.product_flops();
  for (std::size_t i = network.index_of(layer.name); i < network.layers.size(); ++i)
    flops += 3.0 * network.layers[i].product_flops();
  return 2.0 * flops / training_share;
}

double kept_sample_bytes(const Network& network, double samples) {
  const std::int64_t count = samples;
  return CachedProducts::suits(network, count, CurvatureOperator::memory) ? CachedProducts::bytes(network, count) : 0.0;
}

double kept_lines(const Layer& layer, double samples) {
  if (layer.convolution) return 0.0;
  return std::floor(std::min(1.0 * LayerProbe::most_lines, LayerProbe::line_memory / (4.0 * samples * layer.outputs)));
}

// The layer's input, unless it is the image itself, the pre-activations, unless there are many, and responses. A row of
// a convolution's input has its zeros and one place more.
double probe_bytes(const Network& network, const Layer& layer, double samples) {
  const bool first = layer.name == network.layers.front().name;
  if (!layer.convolution)
    return 4.0 * samples *
           ((first ? 0 : layer.inputs) + network.classes() + (1.0 + kept_lines(layer, samples)) * layer.outputs);
  if (first) return 0.0;
  const auto& c = *layer.convolution;
  return 4.0 * samples * c.input.channels * c.input.height * (c.input.width + 2 * c.padding + 1);
}

double training_bytes(const Network& network, double batch) {
  double floats = 6.0 * network.parameters;
  for (const auto& layer : network.layers) {
    floats += batch * (3.0 * layer.input_features() + 1.0 * layer.outputs * layer.output_positions());
    if (layer.convolution && !has_fused_kernels(layer))  // patches, pre-activations and their errors
      floats += batch * layer.output_positions() * (layer.inputs + 2.0 * layer.outputs);
  }
  return 4.0 * floats;
}

double probed_directions(double modes, std::int64_t count, DirectionChoice choice) {
  constexpr double most_counted = 1e6;
  const double wanted = count > 0 ? std::min<double>(count, modes) : modes;
  if (wanted == modes || wanted > most_counted || choice == DirectionChoice::leading) return wanted;
  return std::ssize(choose_directions(modes, count, choice));
}

}  // namespace flatsweep
