#pragma once

#include "flatsweep/base/index.hpp"
#include "flatsweep/linalg/second_moment.hpp"

#include <Eigen/Core>

namespace flatsweep {

/// The Jacobian of one sample's logits, a row for each class.
using JacobianRows = Eigen::Map<const RowMatrixF>;

/// What one sample's logits say: probabilities, and dl/dlogits = p - e_label in the form that keeps its digits.
struct Softmax {
  Eigen::VectorXd p, error;
  Softmax(const Eigen::ArrayXXf& logits, Index sample, int label) {
    const Eigen::VectorXd y = logits.row(sample).cast<double>().matrix().transpose();
    p = (y.array() - y.maxCoeff()).exp();
    p /= p.sum();
    error = p;
    error(label) = 0.0;
    error(label) = -error.sum();
  }
};

/// sqrt(p_c) (j_c - sum_c p_c j_c), a row for each class: R^T R = J^T (diag p - p p^T) J.
inline void factorise(const JacobianRows& jacobian, const Softmax& softmax, RowMatrixF& rows) {
  const Eigen::RowVectorXf mean = softmax.p.cast<float>().transpose() * jacobian;
  rows = (jacobian.rowwise() - mean).array().colwise() * softmax.p.cast<float>().array().sqrt();
}

}  // namespace flatsweep
