#pragma once

#include "flatsweep/analysis/flatness.hpp"
#include "flatsweep/analysis/held_out.hpp"
#include "flatsweep/analysis/psi.hpp"
#include "flatsweep/analysis/walk_null.hpp"
#include "flatsweep/analysis/white_noise.hpp"
#include "flatsweep/analysis/window_scan.hpp"

#include <functional>
#include <optional>
#include <vector>

namespace flatsweep {

struct NullsOptions {
  std::int64_t directions = 120;  ///< of the measured ones, evenly in ln i; 0 for all
  bool walk = true;               ///< the walk of the measured noise; never for adam
  bool walk_flatness = true;      ///< flatness along the walk's own directions, and the psi of the walk
  bool held_out = true;           ///< directions of one half of the window, variance in the other
  int scan_halvings = 4;          ///< windows of T/2^4 to T; 0: no scan
};

/// What a measured window and solution are compared with (docs/science/nulls.md).
struct Nulls {
  std::vector<int> direction;  ///< (n,) measured principal directions, from 0, that the null of each is given for
  Eigen::VectorXd white_noise_spectrum;  ///< (N,) of white noise with the window's total variance
  VarianceBand white_noise_band;
  std::optional<NoiseWalk> walk;
  std::vector<DirectionFlatness> walk_flatness;  ///< along the walk's own directions of those numbers
  PsiFit walk_psi;                               ///< the walk's own variances against that flatness
  PsiFit fresh_walk_psi;  ///< along the measured p_i, of a walk of other minibatches; NaN without a measured flatness
  std::optional<HeldOut> held_out;
  std::optional<WindowScan> scan;
};

/// One replica and layer, as measured.
struct Measured {
  const FrozenRun& run;
  const SnapshotSource& window;  ///< read on rank 0 only
  const Pca& pca;
  const std::vector<int>& direction;               ///< (n,) ascending
  const std::vector<DirectionFlatness>& flatness;  ///< (n,) or empty: not measured
  double solution_norm = 0.0;                      ///< of the layer's weights at w_0
};

/// @param probe of the layer at w_0, for the flatness along other directions than the measured ones
/// @param checkpoint called between those directions on every rank; may throw Stopped
/// @note Collective over `team`; the same on all ranks.   @throws SolverError, Stopped, agreed
[[nodiscard]] Nulls measure_nulls(const Communicator& team, const Measured& measured, LayerProbe& probe,
                                  const NullsOptions& options, const FlatnessOptions& flatness_options,
                                  const PsiOptions& psi_options,
                                  const std::function<void(double fraction)>& checkpoint = {});

}  // namespace flatsweep
