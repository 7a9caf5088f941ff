#pragma once

#include "flatsweep/linalg/second_moment.hpp"
#include "flatsweep/linalg/symmetric_eigen.hpp"

namespace flatsweep {

/// The leading eigenpairs of R^T R by the smaller of R^T R and R R^T, serial. Pairs beyond the rank (eigenvalues below
/// 1e-12 of the largest) are left out, so that there may be fewer.
/// @param rows R, (t, n) in single precision; sums in double   @param most how many; more than there are: all
/// @throws SolverError
[[nodiscard]] EigenPairs leading_row_modes(const SnapshotBlock& rows, int most);

}  // namespace flatsweep
