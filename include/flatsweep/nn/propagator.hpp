#pragma once

#include "flatsweep/nn/cross_entropy.hpp"
#include "flatsweep/nn/matrix_product.hpp"
#include "flatsweep/nn/network.hpp"

#include <Eigen/Core>

#include <cstdint>
#include <span>
#include <vector>

namespace flatsweep {

enum class Direction { forward_only, forward_and_backward };

/// Forward and backward passes of one network for up to `batch` samples at a time. All memory is taken at construction.
/// Images are stored one after another; activations behind the first layer (padded batch, features), samples along the
/// columns of vector registers; W stays row-major (outputs, inputs), which read column-major is (inputs, outputs), so
/// that no weight is ever transposed in memory.
class Propagator {
 public:
  Propagator(const Network& network, int batch, Direction direction,
             MatrixProduct::Backend backend = MatrixProduct::Backend::best);

  [[nodiscard]] int batch() const { return batch_; }

  /// Loads images (bytes, scaled to [0, 1]) as the network's input; exactly `batch` of them when a backward pass
  /// follows.
  void load(std::span<const std::uint8_t* const> images);

  /// Runs the layers from `first` on. With first > 0 the layer's input must stand in `input(first)`.
  void forward(std::span<const float> weights, int first = 0);

  /// After a forward pass: how the logits move when the input of layer `first` (or, for first = number of layers, the
  /// logits themselves) moves as `tangent`, (padded batch, features of that input), which is overwritten.
  /// @return loss and its derivatives, summed over the labelled samples
  [[nodiscard]] DerivativeSum derivatives(std::span<const float> weights, int first, Eigen::ArrayXXf& tangent,
                                          std::span<const std::uint8_t> labels);

  /// Loss of the loaded samples from the last forward pass.
  [[nodiscard]] LossSum loss(std::span<const std::uint8_t> labels);
  /// Loss and, in `gradient` (parameters,), the gradient of the mean loss over the loaded minibatch.
  [[nodiscard]] LossSum backward(std::span<const float> weights, std::span<const std::uint8_t> labels,
                                 std::span<float> gradient);

  /// The loaded images, (features, batch) column-major.
  [[nodiscard]] const Eigen::MatrixXf& images() const { return by_feature_.front(); }
  /// Input of a layer behind the first, (padded batch, inputs): the ReLU of the layer before. For layer = number of
  /// layers: logits.
  [[nodiscard]] Eigen::ArrayXXf& input(int layer) { return inputs_[static_cast<std::size_t>(layer)]; }
  /// The network's outputs from the last forward pass, (padded batch, classes).
  [[nodiscard]] const Eigen::ArrayXXf& logits() const { return inputs_.back(); }

 private:
  struct LayerProducts {
    MatrixProduct forward;          // z = h W^T
    MatrixProduct weight_gradient;  // dW = h^T dz
    MatrixProduct input_gradient;   // dh = dz W
  };

  void affine(const Layer& layer, std::size_t index, std::span<const float> weights);

  Network network_;
  int batch_;
  int rows_;        // padded batch
  int loaded_ = 0;  // images of the minibatch at hand
  std::vector<LayerProducts> products_;
  std::vector<Eigen::ArrayXXf> inputs_;      // layers + 1: the last holds the logits
  std::vector<Eigen::MatrixXf> by_feature_;  // (features, batch): images, and transposed inputs for weight gradients
  std::vector<Eigen::ArrayXXf> errors_;      // d loss / d z of each layer
  CrossEntropy cross_entropy_;
};

}  // namespace flatsweep
