#pragma once

#include "flatsweep/base/index.hpp"
#include "flatsweep/linalg/second_moment.hpp"
#include "flatsweep/nn/network_executor.hpp"

#include <Eigen/Core>

namespace flatsweep {

/// The Jacobian of one sample's outputs, a row for each of them.
using JacobianRows = Eigen::Map<const RowMatrixF>;

/// The loss of one sample as a function of its outputs y: its gradient by them, and factors of its second derivatives,
/// which are diag p - p p^T of the cross-entropy (p the softmax) and the unit matrix of the square loss.
struct SampleLoss {
  Loss kind;
  Eigen::VectorXd p;      ///< of the square loss empty
  Eigen::VectorXd error;  ///< dl/dy: p - e_label in the form that keeps its digits, y - e_label, or y - target
  /// @param executor behind its forward pass
  SampleLoss(NetworkExecutor& executor, Index sample, int label) : kind(executor.loss_function()) {
    const Eigen::VectorXd y = executor.logits().row(sample).cast<double>().matrix().transpose();
    if (kind == Loss::square) {
      error = y;
      if (const auto* targets = executor.real_targets())
        error -= targets->row(sample).cast<double>().matrix().transpose();
      else
        error(label) -= 1.0;
      return;
    }
    p = (y.array() - y.maxCoeff()).exp();
    p /= p.sum();
    error = p;
    error(label) = 0.0;
    error(label) = -error.sum();
  }
};

/// R with R^T R = J^T (d^2 l/dy^2) J: sqrt(p_c) (j_c - sum_c p_c j_c), or j_c of the square loss, a row for each
/// output.
inline void factorise(const JacobianRows& jacobian, const SampleLoss& loss, RowMatrixF& rows) {
  if (loss.kind == Loss::square) {
    rows = jacobian;
    return;
  }
  const Eigen::RowVectorXf mean = loss.p.cast<float>().transpose() * jacobian;
  rows = (jacobian.rowwise() - mean).array().colwise() * loss.p.cast<float>().array().sqrt();
}

}  // namespace flatsweep
