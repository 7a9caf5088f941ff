#pragma once

#include "flatsweep/analysis/pca.hpp"
#include "flatsweep/analysis/psi.hpp"

#include <Eigen/Core>

#include <cstdint>
#include <span>
#include <vector>

namespace flatsweep {

/// Snapshots first, ..., first + length - 1 of a source.
[[nodiscard]] SnapshotSource part_of(const SnapshotSource& source, std::int64_t first, std::int64_t length);

/// What PCA says of windows of several lengths that end together: a mode that has become stationary has the same
/// variance in all of them, a walk or a drift has not.
struct WindowScan {
  std::vector<std::int64_t> length;  ///< (w,) iterations, ascending; the last is the whole window
  std::vector<double> total_variance;
  std::vector<int> learning_dimension, learning_dimension_without_first;            ///< of the window's own PCA
  std::vector<int> learning_dimension_null, learning_dimension_null_without_first;  ///< of a random walk so long
  Eigen::MatrixXd leading_fraction;  ///< (w, 3) variance fractions of modes 1 to 3 of the window's own PCA
  Eigen::MatrixXd variance;          ///< (w, n) along the chosen directions of the whole window
  std::vector<double> rounding;      ///< (w,) variances that are not above it are rounding
  std::vector<Exponent> psi;         ///< (w,) of that variance against F_i
};

/// Lengths T/2^halvings, ..., T/2, T, those below four snapshots left out.
[[nodiscard]] std::vector<std::int64_t> scan_lengths(std::int64_t iterations, int halvings);

/// @param source   read on rank 0 only
/// @param pca      of the whole window, all directions or those that `chosen` names
/// @param chosen   column numbers, ascending, n of them
/// @param flatness (n,) F_i, NaN where unbounded; empty: psi is NaN
/// @note Collective over `team`; the same on all ranks. Each shorter window is a PCA of its own, two passes over the
/// source, so that one N x N (or, where a window is shorter than N, one length x length) matrix is held at a time.
/// @throws SolverError, agreed, also when the weights did not move in the shortest window
[[nodiscard]] WindowScan scan_window(const Communicator& team, const SnapshotSource& source, const Pca& pca,
                                     std::span<const int> chosen, std::span<const double> flatness,
                                     const PsiOptions& psi, int halvings);

}  // namespace flatsweep
