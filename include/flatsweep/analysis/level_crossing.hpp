#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace flatsweep {

/// Values of one function at several points at once; a value may be infinite (far away), never NaN.
using BatchFunction = std::function<void(std::span<const double> points, std::span<double> values)>;

/// What is known of the function before the search: f(0) = 0, its slope and curvature there.
struct LevelSearch {
  double slope = 0.0;
  double curvature = 0.0;
  double tolerance = 1e-4;  ///< of the crossing's position, relative
  double furthest = 1e3;    ///< a side that does not reach the level up to here is unbounded
};

struct ProfilePoint {
  double position = 0.0;
  double value = 0.0;
};

/// The nearest points left and right of 0 where f = 1; NaN on an unbounded side, and where the bracket does not close
/// because f jumps at 0.
struct LevelCrossings {
  double left = 0.0;
  double right = 0.0;
  std::vector<ProfilePoint> profile;  ///< every point evaluated, with (0, 0), by position
  int rounds = 0;
};

/// Bracketing search on both sides at once: each round asks for the points of both sides together, because the cost of
/// evaluating is shared by points. Brackets shrink around the root of the polynomial through the slope at 0 and the
/// nearest points until they are narrower than the tolerance; the root is always inside a bracket whose ends were
/// evaluated. The caller evaluates, so that several searches can go on side by side.
class LevelSearcher {
 public:
  explicit LevelSearcher(const LevelSearch& search);
  ~LevelSearcher();
  LevelSearcher(const LevelSearcher&) = delete;
  LevelSearcher& operator=(const LevelSearcher&) = delete;
  LevelSearcher(LevelSearcher&&) noexcept;
  LevelSearcher& operator=(LevelSearcher&&) noexcept;

  [[nodiscard]] bool done() const;
  /// Where the function is wanted next.
  [[nodiscard]] std::span<const double> points() const;
  /// @param values at `points()`
  void accept(std::span<const double> values);
  [[nodiscard]] LevelCrossings result() const;

 private:
  void propose();
  struct State;
  std::unique_ptr<State> state_;
};

/// The whole search for one function.
[[nodiscard]] LevelCrossings find_level_crossings(const BatchFunction& function, const LevelSearch& search);

/// Width of the region where b d + k d^2 / 2 < 1: (2/k) sqrt(b^2 + 2k); NaN where it is unbounded,
/// docs/science/flatness.md
[[nodiscard]] double predicted_width(double slope, double curvature);

}  // namespace flatsweep
