#pragma once

#include "flatsweep/par/communicator.hpp"

#include <string>
#include <vector>

namespace flatsweep {

/// PETSc and SLEPc up on some ranks for the lifetime of this value, and BLAS on one thread (`use_one_blas_thread`).
/// MPI must be up already and outlive it. Where the caller has PETSc up, it stays so, with an error handler of ours for
/// that time.
/// @note Collective over `comm`, whose ranks alone may call this room and those above it.  @throws SolverError
class LinearAlgebraSession {
 public:
  /// @param options PETSc's own options, as the user gave them after `--`.
  LinearAlgebraSession(Communicator comm, const std::vector<std::string>& options);
  ~LinearAlgebraSession();
  LinearAlgebraSession(const LinearAlgebraSession&) = delete;
  LinearAlgebraSession& operator=(const LinearAlgebraSession&) = delete;

 private:
  Communicator comm_;  // PETSc's world
};

/// PETSc's options, of the command line and of PETSC_OPTIONS, that nothing has asked for so far on this rank: called
/// before the first solver, those that can change what solvers do; after the last one, those that were of no use.
/// "-eps_max_it 1", one an element, in the order of the alphabet.   @throws SolverError
[[nodiscard]] std::vector<std::string> options_not_asked_for();

/// "PETSc 3.18.5, SLEPc 3.18.2"
[[nodiscard]] std::string linear_algebra_versions();

}  // namespace flatsweep
