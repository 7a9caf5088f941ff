#include "flatsweep/analysis/moving.hpp"

#include "flatsweep/base/index.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace flatsweep {

namespace {

constexpr double far_above = 10.0;

/// Distance between the single-precision numbers around `weight`.
double unit_in_last_place(double weight) {
  const float size = std::abs(static_cast<float>(weight));
  return static_cast<double>(std::nextafter(size, std::numeric_limits<float>::infinity())) - static_cast<double>(size);
}

}  // namespace

Eigen::VectorXd rounding_of_weights(const Eigen::VectorXd& mean) {
  return mean.unaryExpr([](double weight) { return std::pow(unit_in_last_place(weight), 2) / 12.0; });
}

Eigen::VectorXd rounding_bounds(const Eigen::VectorXd& mean, std::int64_t iterations, double leading,
                                const Eigen::MatrixXd& directions) {
  const double steps = iterations;
  const double walk = (steps * steps - 1.0) / (6.0 * steps);
  const Eigen::VectorXd errors = rounding_of_weights(mean);
  const double rank = std::min<std::int64_t>(mean.size(), iterations);
  const double solver = rank * std::numeric_limits<double>::epsilon() * leading;
  Eigen::VectorXd bounds(directions.cols());
  for (Index i = 0; i < directions.cols(); ++i)
    bounds(i) = std::max(far_above * walk * directions.col(i).cwiseAbs2().dot(errors), solver);
  return bounds;
}

int count_moving(const Eigen::VectorXd& variance, const Eigen::VectorXd& bounds) {
  Index moving = 0;
  while (moving < bounds.size() && variance(moving) > bounds(moving)) ++moving;
  return moving;
}

double rounding_level(const Eigen::VectorXd& variance, const Eigen::VectorXd& bounds, int moving) {
  if (bounds.size() == 0) return 0.0;
  const double bound = bounds(std::min<Index>(moving, bounds.size() - 1));
  return moving == 0 ? bound : std::min(bound, std::nextafter(variance(moving - 1), 0.0));
}

}  // namespace flatsweep
