#pragma once

#include <Eigen/Core>

namespace flatsweep {

/// The matrix in double precision; one that is there already is moved, not copied.
[[nodiscard]] inline Eigen::MatrixXd in_double(Eigen::MatrixXd matrix) { return matrix; }
[[nodiscard]] inline Eigen::MatrixXd in_double(const Eigen::MatrixXf& matrix) { return matrix.cast<double>(); }

}  // namespace flatsweep
