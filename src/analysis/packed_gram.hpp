#pragma once

#include "flatsweep/base/index.hpp"

#include <Eigen/Core>

namespace flatsweep {

/// Entries of a symmetric n x n matrix that are not given by others.
[[nodiscard]] constexpr Index packed_size(Index n) { return n * (n + 1) / 2; }

/// Sums over samples of B_n (x) h_n h_n^T. Both factors are symmetric, so that only half of either is multiplied: the
/// sum is the product of two matrices whose columns are samples.
class KroneckerSum {
 public:
  /// @param outputs order of B   @param inputs length of h   @param samples most samples of one block
  KroneckerSum(Index outputs, Index inputs, Index samples)
      : outputs_(outputs),
        inputs_(inputs),
        left_(packed_size(outputs), samples),
        right_(packed_size(inputs), samples),
        sum_(Eigen::MatrixXd::Zero(packed_size(outputs), packed_size(inputs))) {}

  /// Sample number `column` of the block at hand.
  void set(Index column, const Eigen::MatrixXd& b, const Eigen::VectorXd& h) {
    Index at = 0;
    for (Index j = 0; j < outputs_; at += outputs_ - j, ++j)
      left_.col(column).segment(at, outputs_ - j) = b.col(j).tail(outputs_ - j);
    at = 0;
    for (Index j = 0; j < inputs_; at += inputs_ - j, ++j)
      right_.col(column).segment(at, inputs_ - j) = h(j) * h.tail(inputs_ - j);
  }
  /// Adds the first `count` samples of the block.
  void add(Index count) { sum_.noalias() += left_.leftCols(count) * right_.leftCols(count).transpose(); }

  /// (packed outputs, packed inputs), to be summed over ranks.
  [[nodiscard]] Eigen::MatrixXd& packed() { return sum_; }
  /// The whole matrix, (outputs inputs, outputs inputs), rows in the order of the layer's weights.
  [[nodiscard]] Eigen::MatrixXd unpack() const {
    Eigen::MatrixXd whole(outputs_ * inputs_, outputs_ * inputs_);
    for (Index b = 0; b < outputs_; ++b)
      for (Index a = 0; a < outputs_; ++a) {
        const Index row = place(a, b, outputs_);
        for (Index j = 0; j < inputs_; ++j)
          for (Index i = 0; i < inputs_; ++i) whole(a * inputs_ + i, b * inputs_ + j) = sum_(row, place(i, j, inputs_));
      }
    return whole;
  }

 private:
  [[nodiscard]] static Index place(Index i, Index j, Index n) {
    const Index low = i < j ? i : j, high = i < j ? j : i;
    return low * n - low * (low - 1) / 2 + high - low;
  }

  Index outputs_, inputs_;
  Eigen::MatrixXd left_, right_, sum_;
};

}  // namespace flatsweep
