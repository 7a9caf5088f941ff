#pragma once

#include <Eigen/Core>

namespace flatsweep {

/// Eigenpairs of a small symmetric matrix by Eigen's own solver, which the project does not use for its results.
struct DenseModes {
  Eigen::VectorXd values;   ///< descending
  Eigen::MatrixXd vectors;  ///< column i belongs to values(i)
};

[[nodiscard]] DenseModes dense_modes(const Eigen::MatrixXd& symmetric);

}  // namespace flatsweep
