#pragma once

#include "flatsweep/linalg/symmetric_eigen.hpp"

namespace flatsweep::detail {

/// All eigenpairs by ScaLAPACK pdsyevd, whatever the size; `eigen_symmetric` decides when this pays.
/// @param matrix (n, n), n > 0, the same on every rank; lower triangle read
/// @return all pairs, bitwise the same on every rank   @note Collective.  @throws SolverError, agreed
[[nodiscard]] EigenPairs eigen_scalapack(const Communicator& comm, Eigen::MatrixXd matrix);

/// All eigenvalues by ScaLAPACK pdsyevr, whatever the size, descending; otherwise as `eigen_scalapack`.
[[nodiscard]] Eigen::VectorXd eigenvalues_scalapack(const Communicator& comm, Eigen::MatrixXd matrix);

/// LAPACK and ScaLAPACK give eigenvalues in ascending order; turns the pairs round in place.
void sort_descending(EigenPairs& pairs);

/// Throws SolverError when `info`, the answer of `routine`, is not zero.
void check_lapack(int info, const char* routine);

/// Throws SolverError when `matrix` is not square, its workspace length passes the int of LAPACK's interface, or an
/// entry of its lower triangle is not finite (dsyevd returns NaN eigenvalues for such a matrix without complaint).
void check_matrix(const Eigen::MatrixXd& matrix);

}  // namespace flatsweep::detail
