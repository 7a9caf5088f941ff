#pragma once

#include "flatsweep/analysis/held_out.hpp"
#include "flatsweep/analysis/window_scan.hpp"

namespace flatsweep {

/// `measure_held_out` where the PCA of the window's last half is at hand.
[[nodiscard]] HeldOut measure_held_out(const Communicator& team, const SnapshotSource& source, const Pca& last_half,
                                       const std::vector<int>& wanted, LayerProbe& probe, double solution_norm,
                                       const FlatnessOptions& flatness_options, const PsiOptions& psi_options,
                                       const std::function<void(double fraction)>& checkpoint);

/// `scan_window` where the PCA of one of the shorter windows is at hand.
/// @param known that PCA, or null
[[nodiscard]] WindowScan scan_window(const Communicator& team, const SnapshotSource& source, const Pca& pca,
                                     const Pca* known, std::span<const int> chosen, std::span<const double> flatness,
                                     const PsiOptions& psi, int halvings);

}  // namespace flatsweep
