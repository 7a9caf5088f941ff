#pragma once

#include "flatsweep/data/targets.hpp"
#include "flatsweep/nn/cross_entropy.hpp"

namespace flatsweep {

/// Half of the sum over outputs of (y_c - target_c)^2, targets 1 at the label and 0 elsewhere, or real ones; then
/// labels say how many samples there are, and no sample is an error. Its second derivative by the outputs is the unit
/// matrix. Arguments and results are those of `CrossEntropy`.
class SquareLoss {
 public:
  SquareLoss(PaddedRows rows, int classes, Targets targets = Targets::classes);

  /// (rows, classes) of the samples at hand, to be filled before they are asked about; empty where targets are classes.
  [[nodiscard]] Eigen::ArrayXXf& real_targets() { return real_targets_; }

  [[nodiscard]] LossSum loss(const Logits& outputs, std::span<const std::uint8_t> labels);
  /// Also leaves (y - target) * scale in `gradient`; its rows past the samples are 0.
  [[nodiscard]] LossSum loss_and_gradient(const Logits& outputs, std::span<const std::uint8_t> labels, float scale,
                                          Eigen::Ref<Eigen::ArrayXXf, 0, Eigen::OuterStride<>> gradient);
  /// `product` = t, rows past the samples 0.
  static void gauss_newton(const Logits& outputs, std::span<const std::uint8_t> labels, const Logits& tangents,
                           Eigen::Ref<Eigen::ArrayXXf, 0, Eigen::OuterStride<>> product);
  [[nodiscard]] DerivativeSum derivatives(const Logits& outputs, std::span<const std::uint8_t> labels,
                                          const Logits& tangents);

 private:
  Eigen::ArrayXXf real_targets_;
  Eigen::ArrayXXf residual_;  // (rows, classes) y - target
};

}  // namespace flatsweep
