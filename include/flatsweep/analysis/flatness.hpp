#pragma once

#include "flatsweep/analysis/layer_probe.hpp"
#include "flatsweep/base/enum_words.hpp"
#include "flatsweep/par/communicator.hpp"

#include <Eigen/Core>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace flatsweep {

struct FlatnessOptions {
  double tolerance = 1e-4;          ///< relative, of each crossing's position
  double max_displacement = 100.0;  ///< how far to search, in norms of the layer's solution weights
  /// Of so many directions, spaced evenly in ln i, the profile gets points between the crossings and beyond, for
  /// pictures.
  int full_profiles = 0;
};

/// Where L = e L_0 has no crossing. `undefined`: ln L jumps at theta = 0, as where L_0 = 0.
enum class CrossingStatus {
  ok,
  unbounded,
  undefined,
  left_unbounded,
  left_undefined,
  right_unbounded,
  right_undefined,
  left_unbounded_right_undefined,
  left_undefined_right_unbounded
};

template <>
inline constexpr auto enum_words<CrossingStatus> = make_enum_words<CrossingStatus>({
    {CrossingStatus::ok, "ok", "both sides have a crossing"},
    {CrossingStatus::unbounded, "unbounded", "neither side has a crossing within reach"},
    {CrossingStatus::undefined, "undefined", "ln L jumps at theta = 0 on both sides, as where L_0 = 0"},
    {CrossingStatus::left_unbounded, "left unbounded", "no crossing within reach at theta < 0"},
    {CrossingStatus::left_undefined, "left undefined", "ln L jumps left of theta = 0"},
    {CrossingStatus::right_unbounded, "right unbounded", "no crossing within reach at theta > 0"},
    {CrossingStatus::right_undefined, "right undefined", "ln L jumps right of theta = 0"},
    {CrossingStatus::left_unbounded_right_undefined, "left unbounded right undefined",
     "no crossing within reach at theta < 0, and ln L jumps right of theta = 0"},
    {CrossingStatus::left_undefined_right_unbounded, "left undefined right unbounded",
     "ln L jumps left of theta = 0, and there is no crossing within reach at theta > 0"},
});

/// Flatness along one direction (the paper, Fig. 2; SI S3): F = right - left, where ln L = ln L_0 + 1.
struct DirectionFlatness {
  int direction = 0;  ///< 0-based number of the principal direction
  double left = 0.0;  ///< negative; NaN where unbounded or undefined
  double right = 0.0;
  double slope = 0.0;                    ///< d ln L / d theta at 0, exact
  double curvature = 0.0;                ///< d^2 ln L / d theta^2 at 0, exact between kinks
  double loss_curvature = 0.0;           ///< p^T H p, second derivative of L itself
  std::vector<double> profile_theta;     ///< points where the loss was evaluated, ascending
  std::vector<double> profile_log_loss;  ///< ln L there

  [[nodiscard]] double flatness() const { return right - left; }  ///< NaN where a side is unbounded
  [[nodiscard]] CrossingStatus status() const;
};

enum class DirectionChoice { log_spaced, leading };

template <>
inline constexpr auto enum_words<DirectionChoice> = make_enum_words<DirectionChoice>({
    {DirectionChoice::log_spaced, "log-spaced", "evenly spaced in ln i over all directions"},
    {DirectionChoice::leading, "leading", "the first ones"},
});

/// Directions to probe: all of 0..available-1 when `count` is 0, else the first `count`, or about `count` of all spaced
/// evenly in ln i with both ends kept (the first few coincide and count once).
[[nodiscard]] std::vector<int> choose_directions(int available, int count,
                                                 DirectionChoice choice = DirectionChoice::log_spaced);

/// Flatness along the chosen directions, each probed by one rank of the team; equal for any team size.
/// @param directions (N, K) orthonormal columns   @param chosen  column numbers
/// @param checkpoint called between directions on every rank; may throw Stopped
/// @return one entry per chosen direction, in that order, on every rank
/// @note Collective over `team`.  @throws SolverError, Stopped, agreed
/// @throws ConfigError where a chosen number is no column's
[[nodiscard]] std::vector<DirectionFlatness> measure_flatness(
    const Communicator& team, LayerProbe& probe, const Eigen::MatrixXd& directions, const std::vector<int>& chosen,
    double solution_norm, const FlatnessOptions& options, const std::function<void(double fraction)>& checkpoint = {});

}  // namespace flatsweep
