#pragma once

#include "flatsweep/analysis/level_crossing.hpp"
#include "flatsweep/base/numbers.hpp"

#include <boost/math/tools/toms748_solve.hpp>

#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace flatsweep {

/// The polynomial through points, none of them at 0, and through f(0) = 0 with the slope there where it is given:
/// Newton's form, in which the difference quotient of the two conditions at 0 is that slope.
class LevelModel {
 public:
  explicit LevelModel(std::span<const ProfilePoint> points, std::optional<double> slope = {}) {
    std::vector<double> column(slope ? 2 : 1, 0.0);
    nodes_.assign(column.size(), 0.0);
    for (const auto& point : points) {
      nodes_.push_back(point.position);
      column.push_back(point.value);
    }
    for (std::size_t order = 1; !column.empty(); ++order) {
      coefficients_.push_back(column.front());
      for (std::size_t i = 0; i + 1 < column.size(); ++i) {
        const double gap = nodes_[i + order] - nodes_[i];
        column[i] = gap == 0.0 ? *slope : (column[i + 1] - column[i]) / gap;
      }
      column.pop_back();
    }
  }

  [[nodiscard]] double operator()(double d) const {
    double value = 0.0;
    for (std::size_t i = coefficients_.size(); i-- > 0;) value = value * (d - nodes_[i]) + coefficients_[i];
    return value;
  }

  /// The first point of (a, b] where the model rises through `level`, looked for in steps of a fortieth; NaN: none.
  [[nodiscard]] double first_rise(double level, double a, double b) const {
    constexpr int steps = 40;
    double low = a, below = (*this)(a)-level;
    for (int i = 1; i <= steps; ++i) {
      const double high = i == steps ? b : a + (b - a) * i / steps;
      const double above = (*this)(high)-level;
      if (below < 0.0 && above >= 0.0) return root_between(level, {low, below}, {high, above});
      low = high;
      below = above;
    }
    return nan;
  }

 private:
  [[nodiscard]] double root_between(double level, ProfilePoint a, ProfilePoint b) const {
    std::uintmax_t steps = 60;
    const auto bracket =
        boost::math::tools::toms748_solve([&](double d) { return (*this)(d)-level; }, a.position, b.position, a.value,
                                          b.value, boost::math::tools::eps_tolerance<double>(40), steps);
    return 0.5 * (bracket.first + bracket.second);
  }

  std::vector<double> nodes_, coefficients_;
};

}  // namespace flatsweep
