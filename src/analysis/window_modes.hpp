#pragma once

#include "flatsweep/analysis/pca.hpp"
#include "flatsweep/base/index.hpp"

#include <functional>
#include <span>

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

/// The same before its directions are computed.
struct WindowSpectrum {
  WindowModes modes;  ///< without directions
  Index count = 0;    ///< directions that there are
  /// Those of some numbers, ascending, as columns; those that are rounding may be left out at the end. Collective.
  std::function<Eigen::MatrixXd(std::span<const int> numbers)> directions;
};

/// All variances, by one matrix of the window. @param team must outlive the result   @note As above.
[[nodiscard]] WindowSpectrum spectrum_of_window(const Communicator& team, const SnapshotSource& source);

}  // namespace flatsweep
