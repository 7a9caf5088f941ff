#pragma once

#include "flatsweep/analysis/pca.hpp"

namespace flatsweep {

/// What the eigensolve of a window gives, before anything is derived from it.
struct WindowModes {
  Eigen::VectorXd first, last, mean;  ///< (N,) snapshots
  Eigen::VectorXd variance;           ///< as in Pca
  Eigen::MatrixXd directions;         ///< (N, K), signs not chosen yet; no column where nothing moved
  double total_variance = 0.0;        ///< the trace
};

/// @param source read on rank 0 of `team` only; its sizes known on all ranks
/// @note Collective.  @throws SolverError, agreed
[[nodiscard]] WindowModes modes_of_window(const Communicator& team, const SnapshotSource& source,
                                          const PcaOptions& options);

}  // namespace flatsweep
