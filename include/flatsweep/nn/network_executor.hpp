#pragma once

#include "flatsweep/base/index.hpp"
#include "flatsweep/nn/aligned.hpp"
#include "flatsweep/nn/dense_executor.hpp"
#include "flatsweep/nn/network.hpp"
#include "flatsweep/nn/output_loss.hpp"

#include <Eigen/Core>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace flatsweep {

/// Forward and backward passes of one network for up to `batch` samples at a time: a chain of layer passes and the
/// loss. All memory is taken at construction.
class NetworkExecutor {
 public:
  NetworkExecutor(const Network& network, int batch, Direction direction,
                  MatrixProduct::Backend backend = MatrixProduct::Backend::best);

  [[nodiscard]] int batch() const { return batch_; }
  [[nodiscard]] Loss loss_function() const { return network_.loss; }
  /// Rows of the logits, and of all that a fully connected layer holds: the padded batch.
  [[nodiscard]] PaddedRows rows() const { return padded(batch_); }
  [[nodiscard]] LayerExecutor& layer(int index) { return *passes_[index]; }

  /// Loads images (bytes, scaled to [0, 1], or singles as they are) as the network's input; exactly `batch` of them
  /// when a backward pass follows. Real targets are loaded with them.
  void load(std::span<const std::uint8_t* const> images);
  /// Loads real targets alone, of samples whose input to a later layer stands there already. Nothing where targets are
  /// classes.
  void load_targets(std::span<const std::uint8_t* const> images);
  /// (padded batch, classes) as loaded; nullptr where targets are classes.
  [[nodiscard]] const Eigen::ArrayXXf* real_targets() { return loss_.real_targets(); }

  /// Runs the layers from `first` on. With first > 0 the layer's input must stand in `layer(first).input()`.
  void forward(std::span<const float> weights, int first = 0);

  /// After a forward pass: how the logits of every sample move when the pre-activations of `layer` move as `tangent`.
  /// @param tangent (layer(layer).preactivations(),)
  /// @return (padded batch, classes), rows past the loaded samples without meaning; stands until the next call
  const Eigen::ArrayXXf& tangents(std::span<const float> weights, int layer, std::span<const float> tangent);

  /// Loss and its derivatives along such a move, summed over the labelled samples. The second is NaN where activations
  /// from `layer` on are curved; `layer_hessian_product` has it.
  [[nodiscard]] DerivativeSum derivatives(std::span<const float> weights, int layer, std::span<const float> tangent,
                                          std::span<const std::uint8_t> labels);

  /// Loss of the loaded samples from the last forward pass.
  [[nodiscard]] LossSum loss(std::span<const std::uint8_t> labels);
  /// Loss and, in `gradient` (parameters,), the gradient of the mean loss over the loaded minibatch. The gradient of
  /// layers before `first` is not computed; its numbers stay as they are.
  [[nodiscard]] LossSum backward(std::span<const float> weights, std::span<const std::uint8_t> labels,
                                 std::span<float> gradient, int first = 0);

  /// After a forward pass: the gradient of the loss summed over the labelled samples, which may be fewer than `batch`.
  void gradient_sum(std::span<const float> weights, std::span<const std::uint8_t> labels, std::span<float> gradient);

  /// After a forward pass: the Jacobian of the logits by the weights of one layer (without its bias), for every sample
  /// by itself.
  /// @param out (samples, classes, size of the layer), row-major
  void jacobian(std::span<const float> weights, int layer, int samples, std::span<float> out);

  /// The same by the pre-activations of a fully connected layer.
  /// @param out (samples, classes, outputs of the layer), row-major
  void preactivation_jacobian(std::span<const float> weights, int layer, int samples, std::span<float> out);
  /// After a forward pass: the gradient of the loss by the weights of one layer, for every labelled sample by itself.
  /// @param out (samples, size of the layer), row-major
  void sample_gradients(std::span<const float> weights, int layer, std::span<const std::uint8_t> labels,
                        std::span<float> out);
  /// The same by the pre-activations of a fully connected layer.
  /// @param out (samples, outputs of the layer), row-major
  void preactivation_gradients(std::span<const float> weights, int layer, std::span<const std::uint8_t> labels,
                               std::span<float> out);
  /// After a forward pass: the second derivatives of the loss by the pre-activations of a fully connected layer, exact
  /// with the terms of curved activations, for every labelled sample by itself.
  /// @param out (samples, outputs of the layer, the same), row-major
  void preactivation_hessian(std::span<const float> weights, int layer, std::span<const std::uint8_t> labels,
                             std::span<float> out);
  /// The input of a fully connected layer after a forward pass, a sample to a column: (inputs, samples).
  [[nodiscard]] Eigen::MatrixXf samples_of_input(int layer, int samples);

  /// After a forward pass: how the logits of every sample move when all weights and biases move along `direction`.
  /// @param direction (parameters,)
  /// @return (padded batch, classes), rows past the loaded samples without meaning; stands until the next call
  const Eigen::ArrayXXf& weight_tangents(std::span<const float> weights, std::span<const float> direction,
                                         int first = 0);
  /// After a forward pass: the sum over samples of J_n^T e_n, J_n the Jacobian of the logits by all weights and biases.
  /// @param errors e, (padded batch, classes), 0 past the loaded samples   @param gradient (parameters,)
  void transposed_jacobian(std::span<const float> weights, const Eigen::ArrayXXf& errors, std::span<float> gradient);
  /// After a forward pass: the Hessian by all weights and biases of the loss summed over the labelled samples, times
  /// `direction`; exact between kinks.
  /// @param direction (parameters,), 0 in layers before `first`
  /// @param product (parameters,), not touched in layers before `first`
  void hessian_product(std::span<const float> weights, std::span<const float> direction,
                       std::span<const std::uint8_t> labels, std::span<float> product, int first = 0);
  /// The same of the Hessian by the weights of one layer, without its bias.
  /// @param direction, product (size of the layer,)
  /// @return loss and its derivatives along `direction`, as `derivatives`
  DerivativeSum layer_hessian_product(std::span<const float> weights, int layer, std::span<const float> direction,
                                      std::span<const std::uint8_t> labels, std::span<float> product);
  /// The same of the Gauss-Newton matrix sum_n J_n^T (diag p_n - p_n p_n^T) J_n, which is the true Fisher matrix too.
  /// Of the square loss it is sum_n J_n^T J_n, the Fisher matrix of outputs with normal errors of variance 1.
  void gauss_newton_product(std::span<const float> weights, std::span<const float> direction,
                            std::span<const std::uint8_t> labels, std::span<float> product);
  /// The same of the gradients' second moment: sum_n g_n g_n^T over samples (the empirical Fisher matrix), or G G^T
  /// with G = sum_n g_n of the whole minibatch.
  enum class Gradients { of_samples, of_minibatch };
  void second_moment_product(std::span<const float> weights, std::span<const float> direction,
                             std::span<const std::uint8_t> labels, Gradients gradients, std::span<float> product);

  /// The network's outputs from the last forward pass, (padded batch, classes).
  [[nodiscard]] const Eigen::ArrayXXf& logits() const { return logits_; }
  [[nodiscard]] Eigen::ArrayXXf& logits() { return logits_; }

 private:
  /// The logits' errors as they stand go back to the pre-activations of a layer.
  void backpropagate(std::span<const float> weights, std::size_t layer);
  /// The error of one logit, 1 for every sample, instead of the logits' errors.
  void select_logit(Index logit, int samples);
  /// The errors of a fully connected layer's pre-activations, sample n's outputs from out[n * stride] on.
  void read_errors(std::size_t layer, std::size_t samples, std::size_t stride, float* out);
  /// The logits' errors as they stand go back through all layers down to `first`.
  void send_errors(std::span<const float> weights, std::span<float> gradient, std::size_t first = 0);
  /// Memory of the error of a layer's output.
  [[nodiscard]] std::span<float> output_error(std::size_t layer);
  /// One layer's part of `hessian_product`; the error of its output, and how it changes, become those of its input.
  void pull_back(std::size_t layer, std::span<const float> weights, std::span<const float> direction, InputError wanted,
                 AlignedVector<float>& plain, AlignedVector<float>& moved, std::span<float> product);
  /// `pull_back`'s change of the pre-activations' error by sigma'', into `bend_`.
  void bend(std::size_t layer, const AlignedVector<float>& plain);
  /// Where the tangent of a layer's pre-activations goes; kept where the layer is curved.
  [[nodiscard]] AlignedVector<float>& preactivation_tangent(std::size_t layer);
  /// Memory in the form of a layer's input, in which tangents go forward.
  [[nodiscard]] SampleRuns tangent_runs(std::size_t layer);

  Network network_;
  int batch_;
  Eigen::ArrayXXf logits_;
  Eigen::ArrayXXf logit_errors_;  // empty without a way back
  Eigen::ArrayXXf logit_tangents_;
  std::vector<std::unique_ptr<LayerExecutor>> passes_;
  std::vector<AlignedVector<float>> tangents_;                // of each layer's input; made when first asked for
  std::vector<AlignedVector<float>> preactivation_tangents_;  // the last is shared by the layers that are not curved
  AlignedVector<float> carried_tangent_, bend_;
  std::vector<float> from_errors_, whole_direction_, whole_product_;
  OutputLoss loss_;
};

}  // namespace flatsweep
