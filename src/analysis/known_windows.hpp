#pragma once

#include "chosen_pca.hpp"
#include "flatsweep/analysis/held_out.hpp"
#include "flatsweep/analysis/window_scan.hpp"

namespace flatsweep {

/// `measure_held_out` where the PCA of the window's last half is at hand.
[[nodiscard]] HeldOut measure_held_out(const Communicator& team, const SnapshotSource& source,
                                       const ChosenPca& last_half, LayerProbe& probe, double solution_norm,
                                       const FlatnessOptions& flatness_options, const PsiOptions& psi_options,
                                       const std::function<void(double fraction)>& checkpoint);

/// `scan_window` where the PCA of one of the shorter windows is at hand.
/// @param known that PCA, or null
[[nodiscard]] WindowScan scan_window(const Communicator& team, const SnapshotSource& source, const Pca& pca,
                                     const Pca* known, std::span<const int> chosen, std::span<const double> flatness,
                                     const PsiOptions& psi, int halvings);

/// `variance_along` of rank 0's source, on all ranks. @note Collective.
[[nodiscard]] Eigen::VectorXd variance_along(const Communicator& team, const SnapshotSource& source,
                                             const Eigen::MatrixXd& columns);

/// Flatness along all columns of `directions`, which have these numbers. Collective, as `measure_flatness`.
[[nodiscard]] std::vector<DirectionFlatness> numbered_flatness(const Communicator& team, LayerProbe& probe,
                                                               const Eigen::MatrixXd& directions,
                                                               const std::vector<int>& number, double solution_norm,
                                                               const FlatnessOptions& options,
                                                               const std::function<void(double fraction)>& checkpoint);

}  // namespace flatsweep
