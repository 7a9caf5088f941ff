#pragma once

#include "flatsweep/base/enum_words.hpp"
#include "flatsweep/base/random.hpp"
#include "flatsweep/data/image_shape.hpp"
#include "flatsweep/data/targets.hpp"
#include "flatsweep/nn/activation.hpp"
#include "flatsweep/nn/loss.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace flatsweep {

/// What a pool makes of each of its squares.
enum class Pooling { largest, mean };

/// What makes a layer a convolution: z = w * h + b at every `stride`-th place of the image (a cross-correlation with
/// zeros around the image, PyTorch's Conv2d), the activation, then one number for every pool x pool square. Places left
/// over at the lower and right rim are dropped, as MaxPool2d and AvgPool2d drop them.
struct Convolution {
  ImageShape input;
  int kernel = 1;   ///< side of the square kernel
  int padding = 0;  ///< zeros on every side, less than `kernel`
  int pool = 1;     ///< side of the pooled squares; 1: no pooling
  int stride = 1;
  Pooling pooling = Pooling::largest;
  bool global_pool = false;  ///< one square, the whole image, whatever `pool` is
  [[nodiscard]] int height() const { return (input.height + 2 * padding - kernel) / stride + 1; }
  [[nodiscard]] int width() const { return (input.width + 2 * padding - kernel) / stride + 1; }
  [[nodiscard]] int pool_height() const { return global_pool ? height() : pool; }
  [[nodiscard]] int pool_width() const { return global_pool ? width() : pool; }
  [[nodiscard]] int pooled_height() const { return height() / pool_height(); }
  [[nodiscard]] int pooled_width() const { return width() / pool_width(); }
};

/// Some consecutive numbers of the flat weight vector.
struct ParameterBlock {
  std::size_t offset = 0;
  std::size_t size = 0;
  bool operator==(const ParameterBlock&) const = default;
};

/// One layer z = W h + b and where its numbers stand in the flat weight vector.
struct Layer {
  std::string name;  ///< fc1, fc2, ... and conv1, conv2, ..., each kind numbered in forward order
  int inputs = 0;    ///< weights of one output: units before, or channels x kernel x kernel
  int outputs = 0;   ///< units, or channels
  Activation activation = Activation::relu;  ///< of the last layer `identity`
  std::size_t weights = 0;  ///< offset of W, row-major (outputs, inputs) or (outputs, channels, kernel, kernel)
  std::size_t bias = 0;     ///< offset of b, (outputs,)
  std::optional<Convolution> convolution = std::nullopt;  ///< absent: fully connected

  [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(inputs) * outputs; }
  [[nodiscard]] ParameterBlock weight_block() const { return {weights, size()}; }
  [[nodiscard]] ParameterBlock bias_block() const { return {bias, static_cast<std::size_t>(outputs)}; }
  /// Times every weight is used for one sample: the places of the image, 1 in a fully connected layer.
  [[nodiscard]] int output_positions() const { return convolution ? convolution->height() * convolution->width() : 1; }
  /// PixelType that one sample brings to this layer, and that it hands on.
  [[nodiscard]] int input_features() const { return convolution ? convolution->input.features() : inputs; }
  [[nodiscard]] int output_features() const {
    return convolution ? outputs * convolution->pooled_height() * convolution->pooled_width() : outputs;
  }
  /// Has its activation a second derivative? Else it is linear between kinks.
  [[nodiscard]] bool curved() const { return !piecewise_linear(activation); }
  /// Flops of W's product with one sample; zeros around images count, as is usual.
  [[nodiscard]] double product_flops() const { return 2.0 * size() * output_positions(); }
  /// W's shape as PyTorch has it.
  [[nodiscard]] std::vector<std::uint64_t> shape() const;
};

/// A network is its list of layers; all weights and biases stand in one flat vector of `parameters` floats, layer after
/// layer, W then b (PyTorch's order).
struct Network {
  std::vector<Layer> layers;
  std::size_t parameters = 0;
  Loss loss = Loss::cross_entropy;
  PixelType input_numbers = PixelType::bytes;  ///< how the images stand in memory
  Targets targets = Targets::classes;          ///< real ones stand behind each image's numbers

  [[nodiscard]] int inputs() const { return layers.front().input_features(); }
  [[nodiscard]] int classes() const { return layers.back().outputs; }
  [[nodiscard]] bool convolutional() const { return layers.front().convolution.has_value(); }
  /// Are the outputs curved, between kinks, as functions of the weights of layer `first` alone?
  [[nodiscard]] bool curved(int first = 0) const;
  /// @throws ConfigError naming the layers that there are
  [[nodiscard]] int index_of(std::string_view layer) const;
  [[nodiscard]] const Layer& layer(std::string_view name) const { return layers[index_of(name)]; }
  /// Flops of one forward and backward pass of one sample, products only.
  [[nodiscard]] double training_flops() const;
  [[nodiscard]] double forward_flops() const;
};

/// inputs - width x hidden_layers - classes with the activation between.
[[nodiscard]] Network multilayer_perceptron(int inputs, int hidden_layers, int width, int classes,
                                            Activation activation = Activation::relu);

enum class Initialisation { plain, same_norm };

template <>
inline constexpr auto enum_words<Initialisation> = make_enum_words<Initialisation>({
    {Initialisation::plain, "plain", "weights and biases of every layer are uniform within +-1/sqrt(inputs)"},
    {Initialisation::same_norm, "same-norm",
     "the same, and each layer's weights are rescaled to the norm sqrt(outputs/3): all seeds start with equal norms"},
});

/// Weights and biases uniform(+-1/sqrt(inputs)). With `same_norm` each layer's weights are
/// rescaled to the norm sqrt(outputs/3) that they have in the mean, so that all seeds start with equal norms.
[[nodiscard]] std::vector<float> initial_weights(const Network& network, std::int64_t seed, Initialisation kind);

}  // namespace flatsweep
