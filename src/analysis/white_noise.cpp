#include "flatsweep/analysis/white_noise.hpp"

#include "flatsweep/base/index.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

namespace flatsweep {

namespace {

using std::numbers::pi;

/// The law of variance s^2 = 1 on a grid, x descending. With x = middle + reach cos(phi) the density
/// sqrt((high - x)(x - low))/(2 pi ratio x) dx becomes reach^2 sin^2(phi)/(2 pi ratio x) dphi, without singular ends.
struct Law {
  std::vector<double> value, weight_above;

  explicit Law(double ratio) {
    constexpr int cells = 20000;
    const double middle = 1.0 + ratio, reach = 2.0 * std::sqrt(ratio);
    double weight = 0.0;
    for (int cell = 0; cell < cells; ++cell) {
      const double phi = pi * (cell + 0.5) / cells;
      const double x = middle + reach * std::cos(phi);
      const double density = std::pow(reach * std::sin(phi), 2) / x;
      value.push_back(x);
      weight_above.push_back(weight + 0.5 * density);
      weight += density;
    }
    for (double& w : weight_above) w /= weight;
  }

  /// The value with the share `above` of the weight above it.
  [[nodiscard]] double quantile(double above) const {
    const auto found = std::ranges::lower_bound(weight_above, above);
    const std::size_t i = found - weight_above.begin();
    if (i == 0 || i == value.size()) return value[i == 0 ? 0 : i - 1];
    const double part = (above - weight_above[i - 1]) / (weight_above[i] - weight_above[i - 1]);
    return value[i - 1] + part * (value[i] - value[i - 1]);
  }
};

}  // namespace

VarianceBand white_noise_band(double total_variance, std::int64_t size, std::int64_t iterations) {
  const double ratio = 1.0 * size / iterations;
  const double variance = total_variance / size;
  return {variance * std::pow(1.0 - std::sqrt(ratio), 2), variance * std::pow(1.0 + std::sqrt(ratio), 2)};
}

Eigen::VectorXd white_noise_spectrum(double total_variance, std::int64_t size, std::int64_t iterations) {
  Eigen::VectorXd spectrum = Eigen::VectorXd::Zero(size);
  const auto count = std::min<Index>(size, iterations - 1);
  if (count < 1) return spectrum;
  const Law law(1.0 * size / iterations);
  for (Index i = 0; i < count; ++i) spectrum(i) = law.quantile((i + 0.5) / count);
  return spectrum * (total_variance / spectrum.sum());
}

}  // namespace flatsweep
