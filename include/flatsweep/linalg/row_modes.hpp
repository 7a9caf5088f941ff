#pragma once

#include "flatsweep/linalg/second_moment.hpp"
#include "flatsweep/linalg/symmetric_eigen.hpp"

namespace flatsweep {

/// What sums over a row are made in.
enum class RowSums { in_double, in_single };

/// The leading eigenpairs of R^T R by the smaller of R^T R and R R^T, serial. Pairs beyond the rank are left out, so
/// that there may be fewer: eigenvalues below 1e-12 of the largest.
/// @param rows R, (t, n) in single precision   @param most how many; more than there are: all
/// @param sums in_single: R R^T and its eigenvectors in single precision, in two fifths of the time. Eigenvalues err
///        by 1e-7 of the largest, and those below 1e-6 of it are left out; vectors are as orthonormal as in
///        double precision.
/// @throws SolverError
[[nodiscard]] EigenPairs leading_row_modes(const SnapshotBlock& rows, int most, RowSums sums = RowSums::in_double);

}  // namespace flatsweep
