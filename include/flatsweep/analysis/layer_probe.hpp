#pragma once

#include "flatsweep/data/image_dataset.hpp"
#include "flatsweep/nn/network_executor.hpp"

#include <Eigen/Core>

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace flatsweep {

/// Loss over a whole image set as one layer's weights move: L(w_0 + d p), p living in that layer. What does not depend
/// on p is computed once: the layer's input h and its pre-activations z_0 = W h + b. A direction then costs one product
/// h p^T, and a step size d the activation of z_0 + d h p^T and the layers behind. Samples are worked through in blocks
/// that stay in cache, many step sizes at a time. A convolution layer has so many pre-activations that computing them
/// anew for each direction costs less than fetching them from memory. Rank-local.
class LayerProbe {
 public:
  LayerProbe(const Network& network, std::span<const float> weights, int layer, const ImageSet& set);

  /// Mean loss at w_0.
  [[nodiscard]] double loss() const { return loss_; }
  [[nodiscard]] Loss loss_function() const { return network_.loss; }

  /// Mean loss at w_0 and its first and second derivative along a direction, exact between kinks.
  struct Derivatives {
    double loss = 0.0, first = 0.0, second = 0.0;
  };
  using WeightDirection = std::span<const float>;  ///< (size of the layer,), in the order of its weights
  [[nodiscard]] std::vector<Derivatives> derivatives(std::span<const WeightDirection> directions);

  /// Mean losses at w_0 + steps[i] * direction go to `losses`.
  struct Profile {
    WeightDirection direction;
    std::span<const double> steps;
    std::span<double> losses;
  };
  void evaluate(std::span<const Profile> profiles);

  /// The network's outputs for one block of samples at one step.
  struct LogitBlock {
    std::int64_t first = 0;  ///< number of the block's first sample
    std::size_t step = 0;    ///< which of the steps
    std::span<const std::uint8_t> labels;
    const Eigen::ArrayXXf& logits;  ///< (at least labels.size(), classes); rows past the samples mean nothing
  };
  /// Gives `visit` the outputs of every block at w_0 + steps[i] * direction, all steps of a block one after another.
  void visit_logits(WeightDirection direction, std::span<const double> steps,
                    const std::function<void(const LogitBlock&)>& visit);

  /// So many directions at a time are worth while: what is read for one block of samples serves them all.
  [[nodiscard]] int directions_at_a_time() const { return layer().convolution ? 2 : 8; }

 private:
  struct Block {
    std::int64_t first = 0;
    std::span<const std::uint8_t> labels;
    AlignedVector<float> input;          // h; empty for the first layer, whose input is read from the image bytes
    AlignedVector<float> preactivation;  // z_0, bias included; empty for convolutions
  };

  void build_blocks();
  [[nodiscard]] std::span<const float> input_of(const Block& block);
  [[nodiscard]] std::span<const float> preactivations_of(const Block& block, std::span<const float> input);
  void preactivate(std::span<const float> input, std::span<float> z);
  void move_to(std::span<const float> z, float step);
  /// Of one direction, with the block's activations and, where the layer or one behind it is curved, its input in
  /// place.
  DerivativeSum derivatives_of(const Block& block, std::span<const float> input, WeightDirection direction);
  [[nodiscard]] const Layer& layer() const { return network_.layers[layer_]; }
  [[nodiscard]] bool before_last() const;

  Network network_;
  std::vector<float> weights_;
  int layer_;
  const ImageSet& set_;
  NetworkExecutor executor_;
  LayerExecutor& pass_;
  AlignedVector<float> response_;  // h p^T of the block at hand
  AlignedVector<float> preactivation_;
  std::vector<float> product_;  // of the Hessian with a direction, where activations are curved
  std::vector<Block> blocks_;
  double loss_ = 0.0;
};

}  // namespace flatsweep
