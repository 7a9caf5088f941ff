#pragma once

#include "flatsweep/base/random.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace flatsweep {

/// One fully connected layer z = W h + b and where its numbers stand in the flat weight vector.
struct Layer {
  std::string name;  ///< fc1, fc2, ... in forward order
  int inputs = 0;
  int outputs = 0;
  bool relu = true;         ///< false for the last layer
  std::size_t weights = 0;  ///< offset of W, stored row-major (outputs, inputs)
  std::size_t bias = 0;     ///< offset of b, (outputs,)
  [[nodiscard]] std::size_t size() const {
    return static_cast<std::size_t>(inputs) * static_cast<std::size_t>(outputs);
  }
};

/// A network is its list of layers; all weights and biases stand in one flat vector of `parameters` floats, layer after
/// layer, W then b (PyTorch's order).
struct Network {
  std::vector<Layer> layers;
  std::size_t parameters = 0;

  [[nodiscard]] int inputs() const { return layers.front().inputs; }
  [[nodiscard]] int classes() const { return layers.back().outputs; }
  /// @throws ConfigError naming the layers that there are
  [[nodiscard]] int index_of(std::string_view layer) const;
  /// Flops of one forward and backward pass of one sample, products only.
  [[nodiscard]] double training_flops() const;
  [[nodiscard]] double forward_flops() const;
};

/// inputs - width x hidden_layers - classes with ReLU between.
[[nodiscard]] Network multilayer_perceptron(int inputs, int hidden_layers, int width, int classes);

enum class Initialisation { plain, same_norm };

/// Weights and biases uniform(+-1/sqrt(inputs)) (science.md section 0). With `same_norm` each layer's weights are
/// rescaled to the norm sqrt(outputs/3) that they have in the mean, so that all seeds start with equal norms.
[[nodiscard]] std::vector<float> initial_weights(const Network& network, std::int64_t seed, Initialisation kind);

}  // namespace flatsweep
