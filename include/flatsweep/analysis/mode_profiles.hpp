#pragma once

#include "flatsweep/analysis/flatness.hpp"
#include "flatsweep/analysis/layer_probe.hpp"
#include "flatsweep/par/communicator.hpp"

#include <Eigen/Core>

#include <functional>
#include <span>
#include <vector>

namespace flatsweep {

/// One direction's ln L, and its slope where the solution stands.
struct ModeProfile {
  int direction = 0;   ///< 0-based
  double slope = 0.0;  ///< d ln L_i / d theta_i at 0, exact
  double left = 0.0;   ///< crossings ln L_i = ln L_0 + 1; NaN where not measured or unbounded
  double right = 0.0;
  std::vector<double> log_loss;  ///< (n,) over the common range of theta
  /// (n,) evenly spaced between the crossings, where the valley is resolved; empty where one of them is not known.
  std::vector<double> own_theta;
  std::vector<double> own_log_loss;
  [[nodiscard]] double flatness() const { return right - left; }
  /// The slope in units of the valley's own width: ln L changes by it over F_i if nothing bends.
  [[nodiscard]] double relative_slope() const { return slope * flatness(); }
};

/// Directions to compare with the first: 0 and up to `count` - 1 others, evenly in ln i from the second to the `last`
/// (in the paper's counting), out of those whose flatness was measured, or of all `available` where there are none.
[[nodiscard]] std::vector<int> choose_modes(int available, std::span<const DirectionFlatness> flatness, int count,
                                            int last);

/// @param directions (N, K) orthonormal columns   @param theta (n,) common range   @param chosen column numbers
/// @param flatness of some directions, by number; may be empty. Only `direction`, `left` and `right` are read.
/// @param checkpoint called between passes over the samples on every rank; may throw Stopped
/// @return one entry per chosen direction, in that order, the same on every rank and for any team
/// @note Collective over `team`, over whose ranks the directions are dealt.  @throws Stopped, agreed
[[nodiscard]] std::vector<ModeProfile> measure_mode_profiles(
    const Communicator& team, LayerProbe& probe, const Eigen::MatrixXd& directions, const Eigen::VectorXd& theta,
    std::span<const int> chosen, std::span<const DirectionFlatness> flatness,
    const std::function<void(double fraction)>& checkpoint = {});

/// The entry of that direction, or nullptr.
[[nodiscard]] const DirectionFlatness* find_direction(std::span<const DirectionFlatness> flatness, int direction);

}  // namespace flatsweep
