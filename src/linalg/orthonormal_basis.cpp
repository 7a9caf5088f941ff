#include "flatsweep/linalg/orthonormal_basis.hpp"

#include <Eigen/QR>

namespace flatsweep {

Eigen::MatrixXd orthonormal_basis(const Eigen::MatrixXd& columns) {
  const Eigen::HouseholderQR<Eigen::MatrixXd> factors(columns);
  Eigen::MatrixXd basis = Eigen::MatrixXd::Identity(columns.rows(), columns.cols());
  basis.applyOnTheLeft(factors.householderQ());
  for (Eigen::Index i = 0; i < columns.cols(); ++i)
    if (factors.matrixQR()(i, i) < 0.0) basis.col(i) *= -1.0;
  return basis;
}

}  // namespace flatsweep
