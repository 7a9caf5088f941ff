#pragma once

#include <Eigen/Core>

namespace flatsweep {

/// An orthonormal basis of the span of `columns` (n, k), k <= n, by Householder reflections; signs such that R of
/// columns = Q R has a positive diagonal. Of Gaussian columns that is a uniformly distributed (Haar) frame.
/// Local to the calling rank.   @return (n, k)
[[nodiscard]] Eigen::MatrixXd orthonormal_basis(const Eigen::MatrixXd& columns);

}  // namespace flatsweep
