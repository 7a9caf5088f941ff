#pragma once

#include <Eigen/Core>

#include <cstdint>
#include <span>

namespace flatsweep {

/// Sums over samples.
struct LossSum {
  double loss = 0.0;           ///< natural units, summed over samples
  std::int64_t errors = 0;     ///< samples whose largest output is not the right one
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
  double first = 0.0;    ///< sum_n (p - e_c).t
  double second = 0.0;   ///< sum_n t^T (diag p - p p^T) t
};

using Logits = Eigen::Ref<const Eigen::ArrayXXf, 0, Eigen::OuterStride<>>;

/// Softmax cross-entropy of eq. S4, in the form of eq. S5 that keeps its relative precision when the loss is tiny:
/// l = log1p(s + e_c - 1) + (m - y_c), with m the largest output, e_c = exp(y_c - m), s the sum over the wrong outputs.
/// Scratch is owned here so that nothing is allocated per call.
class CrossEntropy {
 public:
  /// @param rows most samples of one call (a multiple of row_padding)
  CrossEntropy(int rows, int classes);

  /// @param logits (rows, classes), samples along the rows, rows past the samples ignored   @param labels (samples,)
  [[nodiscard]] LossSum loss(const Logits& logits, std::span<const std::uint8_t> labels);

  /// As `loss`; also leaves (softmax - one_hot) * scale in `gradient` (rows, classes); its rows past the samples are 0.
  /// The right class's entry is formed as -s/(s + e_c), which keeps its digits when the sample is well learnt.
  [[nodiscard]] LossSum loss_and_gradient(const Logits& logits, std::span<const std::uint8_t> labels, float scale,
                                          Eigen::Ref<Eigen::ArrayXXf, 0, Eigen::OuterStride<>> gradient);

  /// @param tangents (rows, classes) t, the logits' rate of change
  [[nodiscard]] DerivativeSum derivatives(const Logits& logits, std::span<const std::uint8_t> labels, const Logits& tangents);

 private:
  void prepare(const Logits& logits, std::span<const std::uint8_t> labels);
  [[nodiscard]] LossSum sum(std::size_t samples);

  Eigen::ArrayXXf wrong_;          // exp(y - m), 0 at the right class
  Eigen::ArrayXf largest_;         // m
  Eigen::ArrayXf right_;           // y_c
  Eigen::ArrayXf right_exp_;       // e_c
  Eigen::ArrayXf wrong_sum_;       // s
  Eigen::ArrayXf losses_;
};

}  // namespace flatsweep
