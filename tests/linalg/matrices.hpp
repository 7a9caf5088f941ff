#pragma once

#include "flatsweep/base/index.hpp"
#include "flatsweep/base/random.hpp"
#include "flatsweep/linalg/symmetric_eigen.hpp"

#include <Eigen/Core>

#include <cmath>
#include <numbers>

// Matrices with known spectra.
namespace flatsweep {

/// Rounding of a backward stable eigensolver is a small multiple of n eps |A|; 10 leaves room for the constant.
inline double rounding(Index n, double norm) { return 10.0 * n * 2.2e-16 * norm; }

/// The second-difference matrix has eigenvalues 2 - 2 cos(k pi/(n+1)), all different.
inline Eigen::MatrixXd second_difference(int n) {
  Eigen::MatrixXd matrix = 2.0 * Eigen::MatrixXd::Identity(n, n);
  matrix.diagonal(1).setConstant(-1.0);
  matrix.diagonal(-1).setConstant(-1.0);
  return matrix;
}

inline Eigen::VectorXd second_difference_spectrum(int n) {
  Eigen::VectorXd values(n);
  for (int i = 0; i < n; ++i) values(i) = 2.0 - 2.0 * std::cos((n - i) * std::numbers::pi / (n + 1));
  return values;
}

inline Eigen::MatrixXd random_symmetric(int n) {
  Random random(n, RandomPurpose::simulation);
  Eigen::MatrixXd matrix(n, n);
  for (auto& entry : matrix.reshaped()) entry = random.normal();
  return matrix + matrix.transpose();
}

/// Eigenvalue 5 three times and 1 otherwise: an orthogonal projector of rank 3, scaled and shifted.
inline Eigen::MatrixXd degenerate(int n) {
  const Eigen::MatrixXd basis = eigen_symmetric(random_symmetric(n)).vectors.leftCols(3);
  return Eigen::MatrixXd::Identity(n, n) + 4.0 * basis * basis.transpose();
}

inline SymmetricOperator product_with(const Eigen::MatrixXd& matrix) {
  return [&matrix](std::span<const double> x, std::span<double> y) {
    const Index n = std::ssize(x);
    Eigen::Map<Eigen::VectorXd>(y.data(), n) = matrix * Eigen::Map<const Eigen::VectorXd>(x.data(), n);
  };
}

/// A covariance-like spectrum i^-2.
inline Eigen::MatrixXd decaying(int n) {
  const Eigen::MatrixXd basis = eigen_symmetric(random_symmetric(n)).vectors;
  const Eigen::ArrayXd index = Eigen::ArrayXd::LinSpaced(n, 1.0, n);
  return basis * index.pow(-2.0).matrix().asDiagonal() * basis.transpose();
}

}  // namespace flatsweep
