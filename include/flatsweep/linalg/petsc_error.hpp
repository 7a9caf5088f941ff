#pragma once

namespace flatsweep {

/// Throws SolverError (ParallelError where memory or MPI failed) with PETSc's own text when a PETSc or SLEPc call
/// failed; `doing` completes "PETSc failed while
/// ...".
void check_petsc(int code, const char* doing);

}  // namespace flatsweep
