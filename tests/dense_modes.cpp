#include "dense_modes.hpp"

#include <Eigen/Eigenvalues>

namespace flatsweep {

DenseModes dense_modes(const Eigen::MatrixXd& symmetric) {
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(symmetric);
  return {solver.eigenvalues().reverse(), solver.eigenvectors().rowwise().reverse()};
}

}  // namespace flatsweep
