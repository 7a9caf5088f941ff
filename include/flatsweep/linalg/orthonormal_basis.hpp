#pragma once

#include <Eigen/Core>

namespace flatsweep {

/// An orthonormal basis of the span of `columns` (n, k), k <= n, by Householder reflections; signs such that R of
/// columns = Q R has a positive diagonal. Of Gaussian columns that is a uniformly distributed (Haar) frame.
/// Local to the calling rank.   @return (n, k)
[[nodiscard]] Eigen::MatrixXd orthonormal_basis(const Eigen::MatrixXd& columns);

/// Unit columns that are orthogonal up to rounding, as singular vectors from the eigenvectors of a Gram matrix are (the
/// rounding of the largest eigenvalue, over the square root of two small ones, mixes the last of them), become
/// orthonormal. Each column loses what it has of those before; the leading ones that are orthonormal to 1e-11 already
/// keep their bits. A column of which less than half is left was rounding alone: it is dropped with all that follow.
/// @param columns (n, k) in order of falling importance, k <= n
/// @note Local to the calling rank.  @throws SolverError
void restore_orthonormality(Eigen::MatrixXd& columns);

}  // namespace flatsweep
