#pragma once

#include "flatsweep/linalg/symmetric_eigen.hpp"
#include "petsc_handle.hpp"

#include <exception>
#include <span>
#include <vector>

namespace flatsweep {

/// A SymmetricOperator as a PETSc shell matrix, whose vectors are dealt over the ranks: a product gathers the whole x,
/// applies the operator, which every rank does alike, and keeps this rank's part of y. Must not move while in use.
class ShellOperator {
 public:
  /// @note Collective.
  ShellOperator(const Communicator& comm, const SymmetricOperator& apply, int n);
  ~ShellOperator() = default;
  ShellOperator(const ShellOperator&) = delete;
  ShellOperator& operator=(const ShellOperator&) = delete;

  [[nodiscard]] Mat matrix() const { return matrix_.get(); }
  [[nodiscard]] int size() const { return n_; }
  /// A vector of normal random numbers, the same for any number of ranks.
  [[nodiscard]] VecHandle random_vector() const;
  /// The whole vector on every rank. @param whole (n,)   @note Collective.
  void gather(Vec vector, std::span<double> whole) const;
  void apply(std::span<const double> x, std::span<double> y) const { apply_(x, y); }
  /// An empty vector of the matrix's layout.
  [[nodiscard]] VecHandle vector() const;
  /// Throws what the operator threw while PETSc called it.
  void rethrow() const;

 private:
  static PetscErrorCode multiply(Mat matrix, Vec x, Vec y);
  PetscErrorCode multiply_parts(const double* x, double* y) noexcept;

  Communicator comm_;
  const SymmetricOperator& apply_;
  int n_;
  std::vector<int> counts_, offsets_;   // of every rank's part
  std::vector<double> input_, output_;  // (n,) where parts have to be gathered
  MatHandle matrix_;
  std::exception_ptr thrown_;  // an exception of the operator waits here until PETSc has returned
};

}  // namespace flatsweep
