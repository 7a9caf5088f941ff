#include "flatsweep/nn/network.hpp"

#include "flatsweep/base/error.hpp"

#include <cmath>

namespace flatsweep {

int Network::index_of(std::string_view layer) const {
  std::string known;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    if (layers[i].name == layer) return static_cast<int>(i);
    known += (known.empty() ? "" : ", ") + layers[i].name;
  }
  throw ConfigError("there is no layer '" + std::string(layer) + "' in this network; it has " + known);
}

double Network::forward_flops() const {
  double flops = 0.0;
  for (const auto& layer : layers) flops += 2.0 * static_cast<double>(layer.size());
  return flops;
}

// Forward and weight gradient everywhere, input gradient everywhere but in the first layer.
double Network::training_flops() const {
  return 3.0 * forward_flops() - 2.0 * static_cast<double>(layers.front().size());
}

Network multilayer_perceptron(int inputs, int hidden_layers, int width, int classes) {
  Network network;
  int previous = inputs;
  for (int i = 0; i <= hidden_layers; ++i) {
    Layer layer;
    layer.name = "fc" + std::to_string(i + 1);
    layer.inputs = previous;
    layer.outputs = i < hidden_layers ? width : classes;
    layer.relu = i < hidden_layers;
    layer.weights = network.parameters;
    layer.bias = layer.weights + layer.size();
    network.parameters = layer.bias + static_cast<std::size_t>(layer.outputs);
    previous = layer.outputs;
    network.layers.push_back(layer);
  }
  return network;
}

namespace {

void rescale_to_norm(std::span<float> values, double norm) {
  double squares = 0.0;
  for (const float v : values) squares += static_cast<double>(v) * v;
  const double factor = norm / std::sqrt(squares);
  for (float& v : values) v = static_cast<float>(v * factor);
}

}  // namespace

std::vector<float> initial_weights(const Network& network, std::int64_t seed, Initialisation kind) {
  std::vector<float> weights(network.parameters);
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    const auto& layer = network.layers[i];
    Random random(seed, RandomPurpose::initial_weights, i);
    const double bound = 1.0 / std::sqrt(static_cast<double>(layer.inputs));
    const std::size_t end = layer.bias + static_cast<std::size_t>(layer.outputs);
    for (std::size_t j = layer.weights; j < end; ++j) weights[j] = static_cast<float>(random.uniform(-bound, bound));
    if (kind == Initialisation::same_norm)
      rescale_to_norm(std::span(weights).subspan(layer.weights, layer.size()), std::sqrt(layer.outputs / 3.0));
  }
  return weights;
}

}  // namespace flatsweep
