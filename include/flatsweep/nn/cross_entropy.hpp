#pragma once

#include "flatsweep/nn/padded_rows.hpp"

#include <Eigen/Core>

#include <cstdint>
#include <span>
#include <vector>

namespace flatsweep {

/// Sums over samples.
struct LossSum {
  double loss = 0.0;        ///< natural units, summed over samples
  std::int64_t errors = 0;  ///< samples whose largest output is not the right one
  LossSum& operator+=(const LossSum& other) {
    loss += other.loss;
    errors += other.errors;
    return *this;
  }
};

/// Sums over samples of the loss and its first two derivatives along a direction in which the logits move as y + d t:
/// exact between the kinks of a piecewise-linear network.
struct DerivativeSum {
  double loss = 0.0;
  double first = 0.0;   ///< sum_n (p - e_c).t
  double second = 0.0;  ///< sum_n t^T (diag p - p p^T) t
};

using Logits = Eigen::Ref<const Eigen::ArrayXXf, 0, Eigen::OuterStride<>>;

/// Softmax cross-entropy of eq. S4, in the form of eq. S5 that keeps its relative precision when the loss is tiny:
/// l = log1p(s + e_c - 1) + (m - y_c), with m the largest output, e_c = exp(y_c - m), s the sum over the wrong outputs.
/// A register of samples at a time, one to a lane, without a branch or an allocation per sample.
class CrossEntropy {
 public:
  /// @param rows of the logits, and most samples of one call
  CrossEntropy(PaddedRows rows, int classes);

  /// @param logits (rows, classes), samples along the rows, rows past the samples ignored   @param labels (samples,)
  [[nodiscard]] LossSum loss(const Logits& logits, std::span<const std::uint8_t> labels);

  /// As `loss`; also leaves (softmax - one_hot) * scale in `gradient` (rows, classes); its rows past the samples are 0.
  /// The right class's entry is formed as -s/(s + e_c), which keeps its digits when the sample is well learnt.
  [[nodiscard]] LossSum loss_and_gradient(const Logits& logits, std::span<const std::uint8_t> labels, float scale,
                                          Eigen::Ref<Eigen::ArrayXXf, 0, Eigen::OuterStride<>> gradient);

  /// Leaves (diag p - p p^T) t of every sample, how its gradient by the logits moves, in `product` (rows, classes); its
  /// rows past the samples are 0. The right class's entry is minus the sum of the others, which keeps its digits.
  /// @param tangents (rows, classes) t, the logits' rate of change
  void gauss_newton(const Logits& logits, std::span<const std::uint8_t> labels, const Logits& tangents,
                    Eigen::Ref<Eigen::ArrayXXf, 0, Eigen::OuterStride<>> product);

  /// @param tangents (rows, classes) t, the logits' rate of change
  [[nodiscard]] DerivativeSum derivatives(const Logits& logits, std::span<const std::uint8_t> labels,
                                          const Logits& tangents);

 private:
  template <bool keep_exponentials, class Visit>
  LossSum for_each_lane_group(const Logits& logits, std::span<const std::uint8_t> labels, Visit visit);

  void widen(std::span<const std::uint8_t> labels);

  PaddedRows rows_;
  int classes_;
  std::vector<Vector> exponentials_;  // exp(y - m) of the samples at hand, one vector per class
  std::vector<std::int32_t> labels_;  // (rows,), -1 past the samples
};

}  // namespace flatsweep
