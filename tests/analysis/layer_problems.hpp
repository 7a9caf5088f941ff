#pragma once

#include "flatsweep/nn/architecture.hpp"
#include "nn/oracle.hpp"

#include <memory>
#include <utility>
#include <vector>

namespace flatsweep {

/// One layer of a small network with images, and its loss by plain loops in long double.
struct LayerProblem {
  Network network;
  ToyImages images;
  std::vector<float> weights;
  int layer;
  std::size_t first, size;

  LayerProblem(Network net, int index, int samples)
      : network(std::move(net)),
        images(samples, network.inputs(), network.classes(), 5, 40.0, network.targets),
        layer(index) {
    weights = initial_weights(network, 3, Initialisation::plain);
    for (float& w : weights) w *= 1.5F;  // away from uniform outputs
    const auto& block = network.layers[index];
    first = block.weights;
    size = block.size();
  }

  /// The mean loss by plain loops with two of the layer's weights moved.
  [[nodiscard]] long double loss(std::size_t i, long double di, std::size_t j = 0, long double dj = 0.0L) const {
    auto moved = widen(weights);
    moved[first + i] += di;
    moved[first + j] += dj;
    return loss_at(moved);
  }
  [[nodiscard]] long double loss_at(const Wide& all_weights) const {
    const auto count = static_cast<std::size_t>(images.set.count());
    return plain_evaluation(network, all_weights, images.set, 0, count).loss / static_cast<long double>(count);
  }
  [[nodiscard]] double second_difference(std::size_t i, std::size_t j) const {
    constexpr long double d = 1e-5L;  // rounding of 80-bit losses of order one, 1e-19 / d^2, and few kinks within
    return static_cast<double>((loss(i, d, j, d) - loss(i, d, j, -d) - loss(i, -d, j, d) + loss(i, -d, j, -d)) /
                               (4.0L * d * d));
  }
  [[nodiscard]] double first_difference(std::size_t i) const {
    constexpr long double d = 1e-6L;
    return static_cast<double>((loss(i, d) - loss(i, -d)) / (2.0L * d));
  }
};

/// Each layer of a fully connected and of a convolutional network.
inline std::vector<std::unique_ptr<LayerProblem>> layer_problems() {
  std::vector<std::unique_ptr<LayerProblem>> list;
  for (const int layer : {0, 1, 2})
    list.push_back(std::make_unique<LayerProblem>(multilayer_perceptron(12, 2, 6, 4), layer, 71));
  const ImageShape shape{2, 6, 5};
  std::vector<LayerSpec> layers;
  for (const auto* text : {"conv 3 kernel 3 padding 1", "pool 2", "conv 4 kernel 2", "fc 5"})
    layers.push_back(parse_layer_spec(text));
  const auto convolutions = build_network(shape, layers, 4);
  for (const int layer : {0, 1, 2}) list.push_back(std::make_unique<LayerProblem>(convolutions, layer, 45));
  return list;
}

}  // namespace flatsweep
