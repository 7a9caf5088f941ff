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

/// "PETSc 3.18.5, SLEPc 3.18.2"
[[nodiscard]] std::string linear_algebra_versions();

}  // namespace flatsweep
