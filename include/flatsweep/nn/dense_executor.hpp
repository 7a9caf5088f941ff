#pragma once

#include "flatsweep/nn/layer_executor.hpp"
#include "flatsweep/nn/matrix_product.hpp"
#include "flatsweep/nn/network.hpp"
#include "flatsweep/nn/sparse_images.hpp"

#include <Eigen/Core>

#include <optional>

namespace flatsweep {

enum class Direction { forward_only, forward_and_backward };

/// A fully connected layer. Activations stand as (padded batch, features), samples along the columns of vector
/// registers; W stays row-major (outputs, inputs), which read column-major is (inputs, outputs), so that no weight is
/// ever transposed in memory. The first layer reads images, one after another, and
/// leaves pixels of value 0 out where that pays.
class DenseExecutor final : public LayerExecutor {
 public:
  enum class Input { images, activations };
  DenseExecutor(const Layer& layer, int batch, Input input, Direction direction, MatrixProduct::Backend backend,
                const LayerOutput& output);

  void load(std::span<const std::uint8_t* const> images, PixelType numbers) override;
  [[nodiscard]] std::span<float> input() override;
  [[nodiscard]] SampleRuns input_runs() override;
  [[nodiscard]] std::size_t preactivations() const override;
  void forward(std::span<const float> weights) override;
  void apply_weights(std::span<const float> input, const float* w, std::span<float> z) override;
  void add_bias(std::span<const float> weights, std::span<float> z) const override;
  void activate(std::span<const float> z, std::span<const float> q, float step) override;
  void activate_tangent(std::span<const float> t, const SampleRuns& out) override;
  void backward(std::span<const float> weights, std::span<float> gradient, InputError wanted) override;
  void receive_error() override;
  void bend_error(std::span<float> bend) override;
  void add_error(std::span<const float> addend) override;
  void collect_gradient(std::span<const float> weights, std::span<float> gradient, InputError wanted) override;
  void propagate_error(std::span<const float> weights) override;
  void sample_gradients(std::span<float> out, std::size_t stride, int samples) override;
  [[nodiscard]] SampleRuns input_error() override;
  [[nodiscard]] std::span<float> input_error_memory() override;

 private:
  using Block = Eigen::Map<Eigen::ArrayXXf>;
  [[nodiscard]] Block output() const { return {output_.value.data, rows_, layer_.outputs}; }
  [[nodiscard]] Block error() const { return {output_.error.data, rows_, layer_.outputs}; }
  /// Is a ReLU or nothing; of other activations z_ is kept.
  [[nodiscard]] bool plain() const { return layer_.activation == Activation::identity || relu(); }
  [[nodiscard]] bool relu() const { return layer_.activation == Activation::relu; }
  /// sigma'(z) in `slope_`.
  void differentiate();

  Layer layer_;
  int batch_;
  PaddedRows rows_;  // batch
  int loaded_;
  Input kind_;
  std::optional<SparseImages> sparse_;  // first layer, where the size of the images allows it
  bool use_sparse_ = false;             // for the images at hand
  LayerOutput output_;
  MatrixProduct forward_;          // z = h W^T
  MatrixProduct weight_gradient_;  // dW = h^T dz
  MatrixProduct input_gradient_;   // dh = dz W
  Eigen::ArrayXXf input_;          // (padded batch, inputs); empty when images are read
  Eigen::MatrixXf by_feature_;     // (inputs, batch): the images, or the transposed input for the weight gradient
  Eigen::ArrayXXf input_error_;
  Eigen::ArrayXXf z_, slope_;  // (padded batch, outputs); empty where plain()
};

}  // namespace flatsweep
