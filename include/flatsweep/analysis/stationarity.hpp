#pragma once

#include "flatsweep/analysis/snapshots.hpp"
#include "flatsweep/par/communicator.hpp"

namespace flatsweep {

/// Yaida's relation (2018) in one layer over a window of plain SGD: r = (alpha/2) <|g_B|^2>/<w . g_B>, 1 where the norm
/// of the weights stands still, whatever the loss. Steps are -alpha g_B, so that r = -(1/2) sum |s|^2/sum w . s over
/// the window's steps s = w(t+1) - w(t), and |w_T|^2 - |w_0|^2 = (1 - 1/r) sum |s|^2: it says how fast the norm grows.
/// @param window read on rank 0 only, once   @return the same on every rank; NaN where nothing moved
/// @note Collective over `team`.
[[nodiscard]] double stationarity(const Communicator& team, const SnapshotSource& window);

}  // namespace flatsweep
