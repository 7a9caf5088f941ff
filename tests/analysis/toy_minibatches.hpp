#pragma once

#include "flatsweep/base/index.hpp"
#include "flatsweep/nn/architecture.hpp"
#include "nn/oracle.hpp"

#include <Eigen/Core>

#include <numeric>

namespace flatsweep {

/// A small network that has learnt nothing, 40 images, minibatches of 10, and some random directions of length 1 in the
/// weights of each layer; every loss in 80 bits by plain loops.
struct ToyMinibatches {
  static constexpr int batch = 10;

  explicit ToyMinibatches(Network net)
      : network(std::move(net)),
        weights(initial_weights(network, 3, Initialisation::plain)),
        images(40, network.inputs(), network.classes(), 2, 80.0, network.targets) {
    for (float& w : weights) w *= 2.0F;  // away from the flat start, so that losses bend
    Random random(4, RandomPurpose::simulation);
    order = random_permutation(40, random);
  }
  [[nodiscard]] static ToyMinibatches dense() { return ToyMinibatches(multilayer_perceptron(20, 2, 8, 5)); }
  [[nodiscard]] static ToyMinibatches convolutional() {
    std::vector<LayerSpec> specs;
    for (const auto* layer : {"conv 4 kernel 3 padding 1", "pool 2", "conv 3 kernel 3", "fc 6"})
      specs.push_back(parse_layer_spec(layer));
    return ToyMinibatches(build_network({1, 9, 8}, specs, 4));
  }

  [[nodiscard]] const Layer& at(int layer) const { return network.layers[layer]; }
  [[nodiscard]] Eigen::MatrixXd directions(int layer, int count) const {
    Random random(5, RandomPurpose::simulation, static_cast<std::uint64_t>(layer));
    Eigen::MatrixXd columns(std::ssize(at(layer)), count);
    for (auto& x : columns.reshaped()) x = random.normal();
    columns.colwise().normalize();
    return columns.cast<float>().cast<double>();  // the numbers that single precision sees
  }
  [[nodiscard]] std::span<const std::uint32_t> minibatch(std::size_t mu) const {
    return std::span(order).subspan(mu * batch, batch);
  }
  /// Mean loss of some samples with the layer's weights moved by `step`.
  [[nodiscard]] long double loss(std::span<const std::uint32_t> samples, int layer, const Eigen::VectorXd& step) const {
    Wide moved = widen(weights);
    for (Index k = 0; k < step.size(); ++k) moved[at(layer).weights + static_cast<std::size_t>(k)] += step(k);
    long double sum = 0.0L;
    for (const auto n : samples) sum += plain_evaluation(network, moved, images.set, n, 1).loss;
    return sum / static_cast<long double>(samples.size());
  }
  /// d/dtheta of that loss at theta along p. Central differences err by 1e-12 of the third derivative.
  [[nodiscard]] double slope(std::span<const std::uint32_t> samples, int layer, const Eigen::VectorXd& p,
                             double theta) const {
    constexpr double h = 1e-6;
    return static_cast<double>((loss(samples, layer, (theta + h) * p) - loss(samples, layer, (theta - h) * p)) /
                               (2.0L * h));
  }

  Network network;
  std::vector<float> weights;
  ToyImages images;
  std::vector<std::uint32_t> order;
};

}  // namespace flatsweep
