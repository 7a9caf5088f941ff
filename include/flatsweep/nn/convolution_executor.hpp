#pragma once

#include "flatsweep/nn/dense_executor.hpp"
#include "flatsweep/nn/kernel_gradient.hpp"
#include "flatsweep/nn/layer_executor.hpp"
#include "flatsweep/nn/network.hpp"
#include "flatsweep/nn/relu_pool.hpp"
#include "flatsweep/nn/row_convolution.hpp"

#include <memory>
#include <vector>

namespace flatsweep {

/// A convolution layer of stride 1 with its ReLU and max-pooling; PatchExecutor takes the others. Images stand samples
/// fastest (ImageRows). The forward pass goes line of squares by line of squares, so that pre-activations are pooled
/// while they are in cache and never stored.
class ConvolutionExecutor final : public LayerExecutor {
 public:
  ConvolutionExecutor(const Layer& layer, int batch, Direction direction, const LayerOutput& output);

  void load(std::span<const std::uint8_t* const> images, PixelType numbers) override;
  [[nodiscard]] std::span<float> input() override { return input_; }
  [[nodiscard]] SampleRuns input_runs() override { return in_.runs(input_.data()); }
  [[nodiscard]] std::size_t preactivations() const override { return z_.size(); }
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
  [[nodiscard]] SampleRuns input_error() override { return back_->in_error.runs(back_->input_error.data()); }
  [[nodiscard]] std::span<float> input_error_memory() override { return back_->input_error; }

 private:
  /// What only the way back needs.
  struct Back {
    Back(const Layer& layer, int batch, const ImageRows& in);
    ImageRows errors;  ///< of the pre-activations, padded so that a correlation leads back to the input
    ImageRows in_error;
    AlignedVector<float> error, input_error;
    std::vector<float> bias_gradient;
    RowConvolution to_input;
    KernelGradient kernels;
  };
  [[nodiscard]] LineBlock line_of(std::span<const float> z, int line) const;

  Layer layer_;
  Convolution shape_;
  int batch_;
  LayerOutput output_;
  ImageRows in_, z_;
  AlignedVector<float> input_;
  AlignedVector<float> line_;  // (outputs, pool, row): the rows of one line of squares
  std::vector<float> no_bias_;
  RowConvolution correlation_;
  ReluPool pool_;
  std::unique_ptr<Back> back_;
};

}  // namespace flatsweep
