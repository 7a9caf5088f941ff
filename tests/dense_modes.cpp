#include "dense_modes.hpp"

#include <Eigen/Dense>

namespace flatsweep {

DenseModes dense_modes(const Eigen::MatrixXd& symmetric) {
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(symmetric);
  return {solver.eigenvalues().reverse(), solver.eigenvectors().rowwise().reverse()};
}

DenseModes dense_singular_modes(const Eigen::MatrixXd& matrix) {
  const Eigen::JacobiSVD<Eigen::MatrixXd> svd(matrix, Eigen::ComputeThinU | Eigen::ComputeThinV);
  return {svd.singularValues(), svd.matrixV()};
}

Eigen::MatrixXd dense_basis(const Eigen::MatrixXd& square) {
  return Eigen::HouseholderQR<Eigen::MatrixXd>(square).householderQ();
}

Eigen::VectorXd dense_solution(const Eigen::MatrixXd& symmetric, const Eigen::VectorXd& right_side) {
  return symmetric.ldlt().solve(right_side);
}

}  // namespace flatsweep
