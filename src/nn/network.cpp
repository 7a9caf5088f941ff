#include "flatsweep/nn/network.hpp"

#include "flatsweep/base/error.hpp"

#include <algorithm>
#include <cmath>

namespace flatsweep {

std::vector<std::uint64_t> Layer::shape() const {
  const std::uint64_t out = outputs;
  if (!convolution) return {out, static_cast<std::uint64_t>(inputs)};
  const std::uint64_t side = convolution->kernel;
  return {out, static_cast<std::uint64_t>(convolution->input.channels), side, side};
}

int Network::index_of(std::string_view layer) const {
  std::string known;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    if (layers[i].name == layer) return i;
    known += (known.empty() ? "" : ", ") + layers[i].name;
  }
  throw ConfigError("there is no layer '" + std::string(layer) + "' in this network; it has " + known);
}

bool Network::curved(int first) const {
  return std::any_of(layers.begin() + first, layers.end(), [](const Layer& layer) { return layer.curved(); });
}

double Network::forward_flops() const {
  double flops = 0.0;
  for (const auto& layer : layers) flops += layer.product_flops();
  return flops;
}

// Forward and weight gradient everywhere, input gradient everywhere but in the first layer.
double Network::training_flops() const { return 3.0 * forward_flops() - layers.front().product_flops(); }

namespace {

void rescale_to_norm(std::span<float> values, double norm) {
  double squares = 0.0;
  for (const float v : values) squares += 1.0 * v * v;
  const double factor = norm / std::sqrt(squares);
  for (float& v : values) v = v * factor;
}

}  // namespace

std::vector<float> initial_weights(const Network& network, std::int64_t seed, Initialisation kind) {
  std::vector<float> weights(network.parameters);
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    const auto& layer = network.layers[i];
    Random random(seed, RandomPurpose::initial_weights, i);
    const double bound = 1.0 / std::sqrt(layer.inputs);
    const std::size_t end = layer.bias + layer.outputs;
    for (std::size_t j = layer.weights; j < end; ++j) weights[j] = random.uniform(-bound, bound);
    if (kind == Initialisation::same_norm)
      rescale_to_norm(std::span(weights).subspan(layer.weights, layer.size()), std::sqrt(layer.outputs / 3.0));
  }
  return weights;
}

}  // namespace flatsweep
