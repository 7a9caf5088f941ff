#include "flatsweep/analysis/moving.hpp"

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

double mean_rounding(const Eigen::VectorXd& weights) {
  double squares = 0.0;
  for (const double weight : weights) squares += std::pow(unit_in_last_place(weight), 2) / 12.0;
  return squares / static_cast<double>(std::max<Eigen::Index>(weights.size(), 1));
}

}  // namespace

double rounding_variance(const Eigen::VectorXd& mean, std::int64_t iterations, double leading) {
  const auto steps = static_cast<double>(iterations);
  const double walk = (steps * steps - 1.0) / (6.0 * steps) * mean_rounding(mean);
  const auto rank = static_cast<double>(std::min<std::int64_t>(mean.size(), iterations));
  return std::max(far_above * walk, rank * std::numeric_limits<double>::epsilon() * leading);
}

int count_moving(const Eigen::VectorXd& variance, double rounding) {
  const auto still = std::find_if_not(variance.begin(), variance.end(), [&](double v) { return v > rounding; });
  return static_cast<int>(still - variance.begin());
}

}  // namespace flatsweep
