#pragma once

#include "flatsweep/data/image_shape.hpp"
#include "flatsweep/nn/image_rows.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace flatsweep {

/// Where a layer's outputs go, and where the error of these outputs comes from on the way back: memory of the layer
/// behind it, or the logits.
struct LayerOutput {
  SampleRuns value;
  SampleRuns error;  ///< without data when no way back is wanted
};

enum class InputError { wanted, not_wanted };

/// One layer at work on a minibatch: it owns its input, the error of its input, and what it has to remember between
/// forward and backward. Networks are chains of these (NetworkExecutor). `input` and pre-activations are flat arrays in
/// an order of the layer's own, in which the numbers of a sample may be added and scaled but not found.
class LayerExecutor {
 public:
  LayerExecutor() = default;
  LayerExecutor(const LayerExecutor&) = delete;
  LayerExecutor& operator=(const LayerExecutor&) = delete;
  virtual ~LayerExecutor() = default;

  /// Images become the input, bytes scaled to [0, 1]; for the first layer only.
  virtual void load(std::span<const std::uint8_t* const> images, PixelType numbers) = 0;
  [[nodiscard]] virtual std::span<float> input() = 0;
  /// The input as the layer before writes it.
  [[nodiscard]] virtual SampleRuns input_runs() = 0;
  /// Floats that hold all pre-activations.
  [[nodiscard]] virtual std::size_t preactivations() const = 0;

  /// Input to output.
  virtual void forward(std::span<const float> weights) = 0;
  /// z = W input, without bias.
  /// @param input laid out as `input()`   @param w the layer's weights alone
  virtual void apply_weights(std::span<const float> input, const float* w, std::span<float> z) = 0;
  virtual void add_bias(std::span<const float> weights, std::span<float> z) const = 0;
  /// Output of the pre-activations z + step * q; z with its bias.
  virtual void activate(std::span<const float> z, std::span<const float> q, float step) = 0;
  /// How the output moves when the pre-activations move as `t`; after `forward` or `activate`.
  virtual void activate_tangent(std::span<const float> t, const SampleRuns& out) = 0;

  /// Gradient of W and b into their places of `gradient`, and where it is wanted the error of the input.
  virtual void backward(std::span<const float> weights, std::span<float> gradient, InputError wanted) = 0;

  // The steps of the way back one by one, for Jacobians.
  /// The output's error becomes that of the pre-activations.
  virtual void receive_error() = 0;
  /// What the error of the pre-activations changes by for a move of these, where the output's error does not change:
  /// sigma''(z) times that error as it stands before `receive_error`.
  /// @param bend (preactivations(),)
  virtual void bend_error(std::span<float> bend) = 0;
  /// After `receive_error`.   @param addend (preactivations(),)
  virtual void add_error(std::span<const float> addend) = 0;
  /// The rest of `backward`, behind `receive_error`.
  virtual void collect_gradient(std::span<const float> weights, std::span<float> gradient, InputError wanted) = 0;
  virtual void propagate_error(std::span<const float> weights) = 0;
  /// The gradient of W for every sample by itself, (samples, size); entries of absent samples are not touched.
  virtual void sample_gradients(std::span<float> out, std::size_t stride, int samples) = 0;
  [[nodiscard]] virtual SampleRuns input_error() = 0;
  /// All of the input error's memory, to be kept and put back.
  [[nodiscard]] virtual std::span<float> input_error_memory() = 0;
};

}  // namespace flatsweep
