#pragma once

#include <Eigen/Core>

// Eigen's own decompositions of small matrices, which the project does not use for its results. Compiled once: each
// costs several times what the rest of a test does.
namespace flatsweep {

struct DenseModes {
  Eigen::VectorXd values;   ///< descending
  Eigen::MatrixXd vectors;  ///< column i belongs to values(i)
};

/// Eigenpairs of a symmetric matrix.
[[nodiscard]] DenseModes dense_modes(const Eigen::MatrixXd& symmetric);

/// Singular values, and the right singular vectors.
[[nodiscard]] DenseModes dense_singular_modes(const Eigen::MatrixXd& matrix);

/// Q of the QR factors of a square matrix.
[[nodiscard]] Eigen::MatrixXd dense_basis(const Eigen::MatrixXd& square);

/// The x of A x = b, A symmetric.
[[nodiscard]] Eigen::VectorXd dense_solution(const Eigen::MatrixXd& symmetric, const Eigen::VectorXd& right_side);

}  // namespace flatsweep
