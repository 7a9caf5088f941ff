#pragma once

#include "flatsweep/par/communicator.hpp"

#include <Eigen/Core>

#include <functional>
#include <span>

namespace flatsweep {

/// Eigenpairs, largest eigenvalue first.
struct EigenPairs {
  Eigen::VectorXd values;     ///< (count,) descending
  Eigen::MatrixXd vectors;    ///< (n, count), orthonormal columns, column i belongs to values(i)
  Eigen::VectorXd residuals;  ///< (count,) |A v - lambda v|; empty where all pairs come from a direct solve
};

/// All eigenpairs of a symmetric matrix by LAPACK dsyevd. Serial.
/// @param matrix (n, n), n at most 32000, lower triangle read; taken by value because it is overwritten
/// @throws SolverError, also for a matrix with entries that are not finite
[[nodiscard]] EigenPairs eigen_symmetric(Eigen::MatrixXd matrix);

/// The same over the ranks of `comm` (LAPACK on one rank or below the size where ScaLAPACK pdsyevd is measured faster).
/// @param matrix (n, n), the same on every rank; lower triangle read
/// @return all pairs, bitwise the same on every rank   @note Collective.  @throws SolverError, agreed
[[nodiscard]] EigenPairs eigen_symmetric(const Communicator& comm, Eigen::MatrixXd matrix);

/// y = A x for a symmetric positive semi-definite operator; x and y are whole vectors (n,), the same on all ranks.
using SymmetricOperator = std::function<void(std::span<const double> x, std::span<double> y)>;

/// The `count` largest eigenpairs by SLEPc Krylov-Schur on a matrix-free operator, serial (rank-local), from the same
/// start vector each time. PETSc options (-eps_ncv, -eps_max_it, -eps_type, ...) may change the solver. What `apply`
/// throws comes through.
/// @param tolerance of |Av - lv| relative to l_1, the largest eigenvalue   @pre 0 < count < n
/// @throws SolverError when SLEPc fails, converges to fewer than `count`, or a relative residual |Av - lv|/l_1 exceeds
/// `tolerance`
[[nodiscard]] EigenPairs leading_eigenpairs(const SymmetricOperator& apply, int n, int count, double tolerance = 1e-10);

}  // namespace flatsweep
