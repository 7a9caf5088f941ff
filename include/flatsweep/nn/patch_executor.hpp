#pragma once

#include "flatsweep/base/index.hpp"
#include "flatsweep/nn/dense_executor.hpp"
#include "flatsweep/nn/layer_executor.hpp"
#include "flatsweep/nn/network.hpp"

#include <Eigen/Core>

#include <cstdint>
#include <vector>

namespace flatsweep {

/// Does ConvolutionExecutor take this layer?
[[nodiscard]] bool has_fused_kernels(const Layer& convolution);

/// A convolution layer of any activation, stride and pool: the patches that the kernels meet are written out as a
/// matrix, and W's product with it is one matrix product. Slower and larger than ConvolutionExecutor, which takes ReLU
/// with max-pooling and stride 1. Pre-activations stand as (positions x batch, outputs), samples fastest; they are
/// stored, and the pool comes behind the activation, which need not be monotonic.
class PatchExecutor final : public LayerExecutor {
 public:
  PatchExecutor(const Layer& layer, int batch, Direction direction, const LayerOutput& output);

  void load(std::span<const std::uint8_t* const> images, PixelType numbers) override;
  [[nodiscard]] std::span<float> input() override { return input_; }
  [[nodiscard]] SampleRuns input_runs() override { return in_.runs(input_.data()); }
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
  [[nodiscard]] SampleRuns input_error() override { return in_.runs(input_error_.data()); }
  [[nodiscard]] std::span<float> input_error_memory() override { return input_error_; }

 private:
  using Matrix = Eigen::MatrixXf;
  /// Calls visit(column of the patches, first row, numbers of the input or nothing where the patch leaves the image)
  /// for every run of samples.
  template <class Pointer, class Visit>
  void for_each_run(Pointer input, Visit visit) const;
  void cut_patches(const float* input);
  /// sigma(z_) goes through the pool to the output.
  void finish();
  void pool_largest();
  void pool_mean(const Matrix& from, const SampleRuns& out) const;
  /// The output's error, spread over the positions that it came from.
  void spread_error();
  /// Calls visit(output, pooled row, pooled column, number of the square).
  template <class Visit>
  void for_each_square(Visit visit) const;
  /// Row of the first sample at a place of a square.
  [[nodiscard]] Index place(int y, int x, int number) const;

  Layer layer_;
  Convolution shape_;
  int batch_;
  LayerOutput output_;
  ImageRows in_;
  AlignedVector<float> input_, input_error_;
  Matrix patches_;                     // (positions x batch, inputs) of whatever was last cut
  Matrix z_, values_;                  // (positions x batch, outputs) with bias; sigma(z), or sigma'(z) t
  Matrix error_;                       // of the pre-activations
  std::vector<std::uint8_t> choices_;  // (squares, batch) place of the largest number
};

}  // namespace flatsweep
