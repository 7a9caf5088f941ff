#pragma once

namespace flatsweep {

/// Throws SolverError with PETSc's own text when a PETSc or SLEPc call failed; `doing` completes "PETSc failed while
/// ...".
void check_petsc(int code, const char* doing);

}  // namespace flatsweep
