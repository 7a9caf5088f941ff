#pragma once

#include "flatsweep/nn/cross_entropy.hpp"
#include "flatsweep/nn/loss.hpp"
#include "flatsweep/nn/square_loss.hpp"

#include <span>
#include <variant>

namespace flatsweep {

/// The loss at the end of a network. Arguments and results are those of `CrossEntropy`.
class OutputLoss {
 public:
  /// @param targets real ones only with the square loss
  OutputLoss(Loss kind, PaddedRows rows, int classes, Targets targets = Targets::classes)
      : loss_(std::in_place_type<CrossEntropy>, rows, classes) {
    if (kind == Loss::square) loss_.emplace<SquareLoss>(rows, classes, targets);
  }

  /// As `SquareLoss` has them; nullptr where targets are classes.
  [[nodiscard]] Eigen::ArrayXXf* real_targets() {
    auto* square = std::get_if<SquareLoss>(&loss_);
    return square != nullptr && square->real_targets().size() > 0 ? &square->real_targets() : nullptr;
  }

  [[nodiscard]] LossSum loss(const Logits& outputs, std::span<const std::uint8_t> labels) {
    return std::visit([&](auto& loss) { return loss.loss(outputs, labels); }, loss_);
  }
  [[nodiscard]] LossSum loss_and_gradient(const Logits& outputs, std::span<const std::uint8_t> labels, float scale,
                                          Eigen::Ref<Eigen::ArrayXXf, 0, Eigen::OuterStride<>> gradient) {
    return std::visit([&](auto& loss) { return loss.loss_and_gradient(outputs, labels, scale, gradient); }, loss_);
  }
  void gauss_newton(const Logits& outputs, std::span<const std::uint8_t> labels, const Logits& tangents,
                    Eigen::Ref<Eigen::ArrayXXf, 0, Eigen::OuterStride<>> product) {
    std::visit([&](auto& loss) { loss.gauss_newton(outputs, labels, tangents, product); }, loss_);
  }
  [[nodiscard]] DerivativeSum derivatives(const Logits& outputs, std::span<const std::uint8_t> labels,
                                          const Logits& tangents) {
    return std::visit([&](auto& loss) { return loss.derivatives(outputs, labels, tangents); }, loss_);
  }

 private:
  std::variant<CrossEntropy, SquareLoss> loss_;
};

}  // namespace flatsweep
