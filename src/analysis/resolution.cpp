#include "flatsweep/analysis/resolution.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace flatsweep {

Eigen::VectorXd rounding_of_weights(const Eigen::VectorXd& mean) {
  return mean.unaryExpr([](double weight) {
    const auto stored = std::abs(static_cast<float>(weight));
    const double spacing = std::nextafter(stored, std::numeric_limits<float>::infinity()) - stored;
    return spacing * spacing / 12.0;
  });
}

double rounding_variance(const Eigen::VectorXd& mean, std::int64_t iterations, double leading) {
  constexpr double of_eigensolve = 1e-13;
  const double ratio = static_cast<double>(mean.size()) / static_cast<double>(iterations);
  const double edge = std::pow(1.0 + std::sqrt(ratio), 2);
  const double of_weights = mean.size() > 0 ? rounding_of_weights(mean).maxCoeff() : 0.0;
  return std::max(of_weights * edge, of_eigensolve * leading);
}

int count_moving(const Eigen::VectorXd& variance, double rounding) {
  return static_cast<int>((variance.array() > rounding).count());
}

}  // namespace flatsweep
