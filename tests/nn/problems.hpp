#pragma once

#include "flatsweep/nn/architecture.hpp"
#include "flatsweep/nn/network_executor.hpp"
#include "nn/dot.hpp"
#include "nn/oracle.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// Networks with weights and images, on which the passes are checked against plain loops.
namespace flatsweep {

using Backend = MatrixProduct::Backend;

/// A network at its initial weights with one minibatch of images.
struct Problem {
  Problem(int inputs, int hidden_layers, int width, int classes, int batch_size)
      : Problem(multilayer_perceptron(inputs, hidden_layers, width, classes), batch_size) {}
  Problem(Network net, int batch_size)
      : network(std::move(net)),
        weights(initial_weights(network, 1, Initialisation::plain)),
        images(batch_size, network.inputs(), network.classes(), 2, 80.0, network.targets),
        batch(batch_size) {}

  [[nodiscard]] std::vector<float> gradient(LossSum& sum, Backend backend = Backend::best) const {
    NetworkExecutor executor(network, batch, Direction::forward_and_backward, backend);
    std::vector<float> out(network.parameters, std::numeric_limits<float>::quiet_NaN());
    executor.load(images.pointers(0, images.labels.size()));
    executor.forward(weights);
    sum = executor.backward(weights, images.labels, out);
    return out;
  }
  /// Sum of the losses with the weights moved, in 80 bits.
  [[nodiscard]] long double loss_at(const Wide& moved) const {
    return plain_evaluation(network, moved, images.set, 0, images.labels.size()).loss;
  }

  Network network;
  std::vector<float> weights;
  ToyImages images;
  int batch;
};

/// After the forward pass.
inline NetworkExecutor forward(const Problem& problem, Backend backend = Backend::best) {
  NetworkExecutor executor(problem.network, problem.batch, Direction::forward_and_backward, backend);
  executor.load(problem.images.pointers(0, problem.images.labels.size()));
  executor.forward(problem.weights);
  return executor;
}

/// The weights, moved along two directions.
inline Wide moved(const Problem& problem, std::span<const float> u, long double by_u, std::span<const float> v,
                  long double by_v) {
  auto weights = widen(problem.weights);
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] += by_u * u[i] + by_v * v[i];
  return weights;
}

/// u^T H v by four losses in 80 bits: errs by 1e-10 of higher derivatives and 1e-19/1e-10 of the loss.
inline double mixed_difference(const Problem& problem, std::span<const float> u, std::span<const float> v) {
  constexpr long double h = 1e-5L;
  const auto loss = [&](long double a, long double b) { return problem.loss_at(moved(problem, u, a, v, b)); };
  return static_cast<double>((loss(h, h) - loss(h, -h) - loss(-h, h) + loss(-h, -h)) / (4.0L * h * h));
}

inline float largest(std::span<const float> values) {
  float most = 0.0F;
  for (const float v : values) most = std::max(most, std::abs(v));
  return most;
}

/// Central difference of the mean loss by one weight, in 80 bits: errs by less than 1e-10.
inline double slope_by(const Problem& problem, std::size_t weight) {
  auto up = widen(problem.weights), down = up;
  up[weight] += 1e-6L;
  down[weight] -= 1e-6L;
  return static_cast<double>((problem.loss_at(up) - problem.loss_at(down)) / (2e-6L * problem.batch));
}

/// Likewise of all outputs for one sample.
inline std::vector<double> output_slopes_by(const Problem& problem, std::size_t weight, std::size_t sample) {
  auto up = widen(problem.weights), down = up;
  up[weight] += 1e-6L;
  down[weight] -= 1e-6L;
  const auto* image = problem.images.set.image(sample);
  const auto above = plain_logits(problem.network, up, image), below = plain_logits(problem.network, down, image);
  std::vector<double> slopes;
  for (std::size_t c = 0; c < above.size(); ++c) slopes.push_back(static_cast<double>((above[c] - below[c]) / 2e-6L));
  return slopes;
}

/// Jacobians of all layers against central differences, for some weights and the first and the last sample.
/// @param tolerance of the layer's largest entry
inline void expect_jacobians(const Problem& problem, double tolerance, Backend backend = Backend::best) {
  const std::size_t classes = problem.network.classes(), samples = problem.batch;
  auto executor = forward(problem, backend);
  for (std::size_t index = 0; index < problem.network.layers.size(); ++index) {
    const auto& layer = problem.network.layers[index];
    std::vector<float> jacobian(samples * classes * layer.size());
    executor.jacobian(problem.weights, static_cast<int>(index), problem.batch, jacobian);
    const double error = tolerance * largest(jacobian);
    for (std::size_t w = 0; w < layer.size(); w += layer.size() / 7 + 1)
      for (const std::size_t n : {std::size_t{0}, samples - 1}) {
        const auto slopes = output_slopes_by(problem, layer.weights + w, n);
        for (std::size_t c = 0; c < classes; ++c)
          ASSERT_NEAR(jacobian[(n * classes + c) * layer.size() + w], slopes[c], error)
              << layer.name << " weight " << w << " sample " << n << " output " << c;
      }
  }
}

inline Network convolutional(const ImageShape& input, std::initializer_list<std::string_view> layers, int classes) {
  std::vector<LayerSpec> specs;
  for (const auto layer : layers) specs.push_back(parse_layer_spec(layer));
  return build_network(input, specs, classes);
}

/// Networks that together use every way through the kernels: 1 to 32 channels in and out, kernels of 1 to 6, with and
/// without padding, pools that leave a rim over, batches around the width of a register.
inline std::vector<Problem*> convolution_problems() {
  static std::vector<std::unique_ptr<Problem>> problems = [] {
    std::vector<std::unique_ptr<Problem>> made;
    const auto add = [&](Network network, int batch) {
      made.push_back(std::make_unique<Problem>(std::move(network), batch));
    };
    add(convolutional({1, 8, 9}, {"conv 16 kernel 3 padding 1", "pool 2", "conv 32 kernel 5 padding 2", "pool 2"}, 4),
        5);
    add(convolutional({3, 11, 12}, {"conv 6 kernel 5", "pool 2", "conv 16 kernel 3", "fc 7"}, 10), 17);
    add(convolutional({2, 7, 7}, {"conv 10 kernel 2 padding 1", "pool 3", "conv 3 kernel 1"}, 3), 16);
    add(convolutional({1, 9, 6}, {"conv 5 kernel 6 padding 5", "conv 48 kernel 4 padding 1", "pool 2", "fc 5"}, 3), 3);
    add(convolutional({4, 20, 17}, {"conv 7 kernel 3", "pool 2", "conv 2 kernel 3 padding 2", "pool 4"}, 5), 50);
    return made;
  }();
  std::vector<Problem*> all;
  for (const auto& problem : problems) all.push_back(problem.get());
  return all;
}

inline std::string name_of(const Network& network, int batch) {
  std::string text;
  for (const auto& layer : network.layers)
    text += layer.name + " " + std::to_string(layer.inputs) + "x" + std::to_string(layer.outputs) + ", ";
  return text + "batch " + std::to_string(batch);
}

/// Of length 1 or nearly so.
inline std::vector<float> random_direction(std::size_t size, std::int64_t seed = 3) {
  Random random(seed, RandomPurpose::simulation);
  std::vector<float> direction(size);
  for (auto& d : direction) d = static_cast<float>(random.normal() / std::sqrt(static_cast<double>(size)));
  return direction;
}

}  // namespace flatsweep
