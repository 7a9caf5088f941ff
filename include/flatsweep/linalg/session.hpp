#pragma once

#include <string>
#include <vector>

namespace flatsweep {

/// PETSc and SLEPc up for the lifetime of this value, and BLAS on one thread (`use_one_blas_thread`). MPI must be up
/// already and outlive it.
/// @note Collective over MPI_COMM_WORLD.  @throws SolverError
class LinearAlgebraSession {
 public:
  /// @param options PETSc's own options, as the user gave them after `--`.
  explicit LinearAlgebraSession(const std::vector<std::string>& options);
  ~LinearAlgebraSession();
  LinearAlgebraSession(const LinearAlgebraSession&) = delete;
  LinearAlgebraSession& operator=(const LinearAlgebraSession&) = delete;
};

/// PETSc's options, of the command line and of PETSC_OPTIONS, that nothing has asked for so far on this rank: called
/// before the first solver, those that can change what solvers do; after the last one, those that were of no use.
/// "-eps_max_it 1", one an element, in the order of the alphabet.   @throws SolverError
[[nodiscard]] std::vector<std::string> options_not_asked_for();

/// "PETSc 3.18.5, SLEPc 3.18.2"
[[nodiscard]] std::string linear_algebra_versions();

}  // namespace flatsweep
