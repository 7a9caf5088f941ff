#pragma once

#include "flatsweep/analysis/snapshots.hpp"

#include <Eigen/Core>

namespace flatsweep {

/// Mean and spread of a window, in one pass.
struct WindowMoments {
  Eigen::VectorXd first, last, mean;  ///< (N,) snapshots
  double total_variance = 0.0;        ///< (1/T) sum |w - <w>|^2, the trace of the covariance
};

/// @param source read on rank 0 of `team` only   @note Collective; the same on every rank.
[[nodiscard]] WindowMoments window_moments(const Communicator& team, const SnapshotSource& source);

/// sum_t (w_t - mean) (w_t - mean)^T V, block by block of snapshots: the covariance times T, without forming it.
/// @param v (N, columns)   @return (N, columns), of this rank's share of the blocks alone
/// @note Collective over `team`.
[[nodiscard]] Eigen::MatrixXd centred_products(const Communicator& team, const SnapshotSource& source,
                                               const Eigen::VectorXd& mean, const Eigen::MatrixXd& v);

}  // namespace flatsweep
