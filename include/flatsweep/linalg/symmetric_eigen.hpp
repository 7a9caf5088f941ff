#pragma once

#include "flatsweep/base/index.hpp"
#include "flatsweep/par/communicator.hpp"

#include <Eigen/Core>

#include <functional>
#include <span>

namespace flatsweep {

/// Eigenpairs, in the order that each solve says.
struct EigenPairs {
  Eigen::VectorXd values;     ///< (count,)
  Eigen::MatrixXd vectors;    ///< (n, count), orthonormal columns, column i belongs to values(i)
  Eigen::VectorXd residuals;  ///< (count,) |A v - lambda v|; empty where all pairs come from a direct solve
};

/// All eigenpairs of a symmetric matrix by LAPACK dsyevd, largest eigenvalue first. Serial.
/// @param matrix (n, n), n at most 32000, lower triangle read; taken by value because it is overwritten
/// @throws SolverError, also for a matrix with entries that are not finite
[[nodiscard]] EigenPairs eigen_symmetric(Eigen::MatrixXd matrix);

/// The same over the ranks of `comm` (LAPACK on one rank or below the size where ScaLAPACK pdsyevd is measured faster).
/// @param matrix (n, n), the same on every rank; lower triangle read
/// @return all pairs, bitwise the same on every rank   @note Collective.  @throws SolverError, agreed
[[nodiscard]] EigenPairs eigen_symmetric(const Communicator& comm, Eigen::MatrixXd matrix);

/// All eigenvalues of a symmetric matrix without eigenvectors, largest first, in about a quarter of the time. Serial.
/// @param matrix as for `eigen_symmetric`   @return (n,) descending   @throws SolverError
[[nodiscard]] Eigen::VectorXd eigenvalues_symmetric(Eigen::MatrixXd matrix);

/// The `count` largest eigenvalues and their vectors, serial: 300 of 2400 in two thirds of the time that all take.
/// @param count 1 or more; all where there are fewer   @throws SolverError
[[nodiscard]] EigenPairs leading_symmetric(Eigen::MatrixXd matrix, int count);

/// The same in single precision, in half of the time: values err by 1e-7 of the largest.
[[nodiscard]] EigenPairs leading_symmetric(Eigen::MatrixXf matrix, int count);

/// The same over the ranks of `comm` (LAPACK on the root rank or, for large matrices, ScaLAPACK).
/// @param matrix (n, n), the same on every rank; lower triangle read
/// @return bitwise the same on every rank   @note Collective.  @throws SolverError, agreed
[[nodiscard]] Eigen::VectorXd eigenvalues_symmetric(const Communicator& comm, Eigen::MatrixXd matrix);

/// The same by rank 0 alone, so that the result is bit for bit the same for any number of ranks.
[[nodiscard]] EigenPairs eigen_symmetric_on_root(const Communicator& comm, Eigen::MatrixXd matrix);

/// What becomes of eigenpairs that did not converge: an error, or NaN in their places behind those that did.
enum class Shortage { refused, marked };

/// The leading pairs that converged.
[[nodiscard]] Index converged_pairs(const EigenPairs& pairs);

/// y = A x for a symmetric operator; x and y are whole vectors (n,), the same on all ranks that call it.
using SymmetricOperator = std::function<void(std::span<const double> x, std::span<double> y)>;

/// A X, column by column. @param columns (n, k), the same on all ranks that call it   @return (n, k)
[[nodiscard]] Eigen::MatrixXd apply_to_columns(const SymmetricOperator& apply,
                                               const Eigen::Ref<const Eigen::MatrixXd>& columns);

/// The `count` largest eigenpairs by SLEPc Krylov-Schur on a matrix-free operator, from the same start vector each
/// time. Where two or more are wanted, what is orthogonal to them is searched for equal ones that a Krylov space of one
/// vector misses. The user's PETSc options change the solver: -eps_ncv, -eps_max_it, ... all solves, -leading_eps_ncv,
/// ... these.
/// @param apply called alike on every rank   @pre 0 < count < n
/// @param tolerance of |Av - lv| relative to the largest |l| met   @return largest first, the same on every rank
/// @note Collective; Krylov vectors are dealt over the ranks. What `apply` throws (on every rank) comes through.
/// @throws SolverError when SLEPc fails; unless it is to be marked, when it converges to fewer than `count` or a
/// residual exceeds its tolerance
[[nodiscard]] EigenPairs leading_eigenpairs(const Communicator& comm, const SymmetricOperator& apply, int n, int count,
                                            double tolerance = 1e-10, Shortage shortage = Shortage::refused);
/// The same, rank-local.
[[nodiscard]] EigenPairs leading_eigenpairs(const SymmetricOperator& apply, int n, int count, double tolerance = 1e-10);

/// The `count` smallest eigenpairs likewise, least first; options -eps_..., -smallest_eps_...
/// @param scale what the tolerance of |Av - lv| is relative to: the largest eigenvalue, say
[[nodiscard]] EigenPairs smallest_eigenpairs(const Communicator& comm, const SymmetricOperator& apply, int n, int count,
                                             double scale, double tolerance = 1e-10,
                                             Shortage shortage = Shortage::refused);

}  // namespace flatsweep
