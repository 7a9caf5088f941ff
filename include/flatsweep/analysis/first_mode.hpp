#pragma once

#include "flatsweep/analysis/decision_gap.hpp"
#include "flatsweep/analysis/flatness.hpp"
#include "flatsweep/analysis/layer_probe.hpp"
#include "flatsweep/analysis/pca.hpp"
#include "flatsweep/par/communicator.hpp"

#include <Eigen/Core>

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace flatsweep {

struct FirstModeOptions {
  int points = 21;      ///< values of theta, three or more
  int samples = 1000;   ///< samples whose gaps are stored, spread evenly over the set
  int modes = 8;        ///< directions whose ln L is stored: 1, and others spaced evenly in ln i
  int last_mode = 300;  ///< the last of them, in the paper's counting
};

/// Where the common range of theta comes from: the crossings ln L_1 = ln L_0 + 1, or +-3 sigma_1 where they are not
/// known on both sides.
enum class ThetaRange { crossings, three_sigma };

/// One direction's ln L over the common range of theta, and its slope where the solution stands.
struct ModeProfile {
  int direction = 0;                  ///< 0-based
  double slope = 0.0;                 ///< d ln L_i / d theta_i at 0, exact
  double flatness = 0.0;              ///< F_i, NaN where it was not measured or is unbounded
  std::vector<double> log_loss = {};  ///< (n,)
  /// The slope in units of the valley's own width: ln L changes by it over F_i if nothing bends.
  [[nodiscard]] double relative_slope() const { return slope * flatness; }
};

/// Moving along the first principal direction (science.md section 4, eqs S4-S8).
struct FirstMode {
  ThetaRange range = ThetaRange::crossings;
  Eigen::VectorXd theta;             ///< (n,) ascending, evenly spaced
  double median_r_squared = 0.0;     ///< of the gaps' lines, all samples
  std::vector<std::int32_t> sample;  ///< numbers of the stored samples in the set
  std::vector<std::uint8_t> label;   ///< (stored,)
  Eigen::MatrixXd gap;               ///< (n, stored) Delta Y_k(theta)
  GapLines lines;                    ///< (stored,)
  SamplesAtZero at_zero;             ///< (stored,)
  double stored_median_r_squared = 0.0;
  std::vector<ModeProfile> modes;      ///< ascending, direction 1 first
  LossClosure closure;                 ///< from all samples
  double alignment = 0.0;              ///< |p_1 . w_0| / |w_0|
  double component_correlation = 0.0;  ///< of p_1j with w_0j
  double gap_correlation = 0.0;        ///< of beta_k with Delta Y_k(0), all samples
  double gap_proportionality = 0.0;    ///< c of the best beta_k = c Delta Y_k(0)
  double solution_norm = 0.0;          ///< |w_0|; c |w_0| = 1 for a network whose gaps are proportional to |w_0|
};

/// Directions whose ln L is measured: 0 and about `options.modes` - 1 others up to `options.last_mode`, evenly in ln i,
/// out of those whose flatness was measured, or of all `available` where there are none.
[[nodiscard]] std::vector<int> choose_modes(int available, std::span<const DirectionFlatness> flatness,
                                            const FirstModeOptions& options);

/// @param solution (N,) w_0 of the layer   @param labels of the probe's samples
/// @param flatness of some directions, by number; may be empty. Only `direction`, `left` and `right` are read.
/// @param checkpoint called between passes over the samples on every rank; may throw Stopped
/// @return the same on every rank, for any team
/// @note Collective over `team`: values of theta and modes are dealt over the ranks.  @throws Stopped, agreed
[[nodiscard]] FirstMode measure_first_mode(const Communicator& team, LayerProbe& probe, const Pca& pca,
                                           std::span<const float> solution, std::span<const std::uint8_t> labels,
                                           std::span<const DirectionFlatness> flatness, const FirstModeOptions& options,
                                           const std::function<void(double fraction)>& checkpoint = {});

}  // namespace flatsweep
