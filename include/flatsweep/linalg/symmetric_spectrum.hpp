#pragma once

#include "flatsweep/par/communicator.hpp"

#include <Eigen/Core>

#include <span>

namespace flatsweep {

/// All eigenvalues of a symmetric matrix, and those eigenvectors that are asked for, in little more than half of the
/// time that all vectors take: the tridiagonal form is kept, and each vector is found by inverse iteration. Rank 0
/// works alone, so that results are bit for bit the same for any number of ranks.
class SymmetricSpectrum {
 public:
  /// @param matrix (n, n), n >= 1; rank 0's lower triangle is read   @note Collective.   @throws SolverError, agreed
  SymmetricSpectrum(const Communicator& comm, Eigen::MatrixXd matrix);
  /// (n,) descending
  [[nodiscard]] const Eigen::VectorXd& values() const { return values_; }
  /// Orthonormal to rounding among themselves.
  /// @param numbers of eigenvalues, from 0, ascending, each once   @return (n, count) a column for each
  /// @note Collective.   @throws SolverError, agreed
  [[nodiscard]] Eigen::MatrixXd vectors(std::span<const int> numbers) const;

 private:
  void reduce(Eigen::MatrixXd matrix);
  [[nodiscard]] Eigen::MatrixXd solve(std::span<const int> numbers) const;

  Communicator comm_;
  Eigen::VectorXd values_;
  Eigen::MatrixXd reflectors_;                     // rank 0 only, like the three below
  Eigen::VectorXd diagonal_, off_diagonal_, tau_;  // the tridiagonal form, and the reflectors' factors
};

}  // namespace flatsweep
