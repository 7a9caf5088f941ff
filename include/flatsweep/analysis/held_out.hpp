#pragma once

#include "flatsweep/analysis/flatness.hpp"
#include "flatsweep/analysis/psi.hpp"
#include "flatsweep/analysis/snapshots.hpp"
#include "flatsweep/base/index.hpp"

#include <Eigen/Core>

#include <cstdint>
#include <functional>
#include <vector>

namespace flatsweep {

/// PCA looks for directions along which one realised trajectory moved much or little, so that sigma_i^2 is more extreme
/// than the variance to be expected along p_i. Here the directions come from the window's last half and the variance
/// from its first: what of the variance-flatness relation is left once chance could not choose the directions.
struct HeldOut {
  std::vector<int> direction;               ///< (n,) principal directions of the last half, from 0
  Eigen::VectorXd variance;                 ///< (n,) in the last half
  Eigen::VectorXd held_out_variance;        ///< (n,) along the same directions in the first half
  std::vector<DirectionFlatness> flatness;  ///< (n,) along them, at w_0
  int moving = 0;                           ///< leading directions of the last half that move
  double rounding = 0.0;                    ///< variances in a half that are not above it are rounding
  PsiFit psi;                               ///< of `variance` against that flatness
  PsiFit held_out_psi;                      ///< of `held_out_variance`
};

/// @param source read on rank 0 only   @param iterations T, of the source
/// @param wanted numbers of directions, ascending; those that half a window does not have are left out
/// @note Collective over `team`; the same on all ranks. Three passes over the source, one PCA.
/// @throws SolverError, Stopped, agreed
[[nodiscard]] HeldOut measure_held_out(const Communicator& team, const SnapshotSource& source, std::int64_t iterations,
                                       const std::vector<int>& wanted, LayerProbe& probe, double solution_norm,
                                       const FlatnessOptions& flatness_options, const PsiOptions& psi_options,
                                       const std::function<void(double fraction)>& checkpoint = {});

/// Variance of the rows along each column, the rows' mean taken out. One pass; rank-local.
/// @param columns (N, n)   @return (n,)
[[nodiscard]] Eigen::VectorXd variance_along(const SnapshotSource& source, const Eigen::MatrixXd& columns);

/// psi of variances against the flatness along the same directions, (n,) each; NaN where `flatness` is empty.
/// @param rounding variances not above it enter no fit
[[nodiscard]] PsiFit fit_own_psi(const std::vector<int>& direction, const Eigen::VectorXd& variance,
                                 const std::vector<DirectionFlatness>& flatness, double rounding,
                                 const PsiOptions& options);

/// Those direction numbers that are below `count`.
[[nodiscard]] std::vector<int> directions_among(const std::vector<int>& wanted, Index count);

/// The entries of those numbers.
[[nodiscard]] Eigen::VectorXd entries(const Eigen::VectorXd& values, const std::vector<int>& numbers);

}  // namespace flatsweep
