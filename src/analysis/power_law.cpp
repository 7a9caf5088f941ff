#include "flatsweep/analysis/power_law.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/random.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace flatsweep {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

// The usable points of all samples in one list; sample s is points[first[s]] to points[first[s + 1] - 1].
struct LogPoint {
  double x;
  double y;
};
struct LogPoints {
  std::vector<LogPoint> points;
  std::vector<std::uint32_t> first{0};
  [[nodiscard]] std::uint32_t samples() const { return static_cast<std::uint32_t>(first.size()) - 1; }
};

bool usable(double value) { return value > 0.0 && std::isfinite(value); }

LogPoints take_logarithms(std::span<const PowerLawSample> samples) {
  LogPoints all;
  for (const auto& sample : samples) {
    if (sample.x.size() != sample.y.size()) throw ConfigError("a power law fit needs one y for each x");
    for (std::size_t i = 0; i < sample.x.size(); ++i)
      if (usable(sample.x[i]) && usable(sample.y[i]))
        all.points.push_back({std::log(sample.x[i]), std::log(sample.y[i])});
    const auto end = static_cast<std::uint32_t>(all.points.size());
    if (end > all.first.back()) all.first.push_back(end);
  }
  return all;
}

// Moves the points to mean zero, so that the sums of a resampled fit do not cancel. Returns the mean.
LogPoint centre(std::vector<LogPoint>& points) {
  LogPoint mean{0.0, 0.0};
  for (const auto& point : points) mean = {mean.x + point.x, mean.y + point.y};
  const auto count = static_cast<double>(points.size());
  mean = {mean.x / count, mean.y / count};
  for (auto& point : points) point = {point.x - mean.x, point.y - mean.y};
  return mean;
}

struct Sums {
  double count = 0.0, x = 0.0, y = 0.0, xx = 0.0, xy = 0.0;
  void add(const LogPoint& point) {
    count += 1.0;
    x += point.x;
    y += point.y;
    xx += point.x * point.x;
    xy += point.x * point.y;
  }
  // NaN when all x are the same, up to rounding.
  [[nodiscard]] double slope() const {
    const double spread = count * xx - x * x;
    return spread > 1e-12 * count * xx ? (count * xy - x * y) / spread : nan;
  }
};

double fitted_slope(const std::vector<LogPoint>& points) {
  Sums sums;
  for (const auto& point : points) sums.add(point);
  return sums.slope();
}

double resampled_slope(const LogPoints& all, Random& random) {
  Sums sums;
  for (std::uint32_t draw = 0; draw < all.samples(); ++draw) {
    const std::uint32_t sample = all.samples() > 1 ? random.below(all.samples()) : 0;
    const std::uint32_t begin = all.first[sample];
    const std::uint32_t size = all.first[sample + 1] - begin;
    for (std::uint32_t i = 0; i < size; ++i) sums.add(all.points[begin + random.below(size)]);
  }
  return sums.slope();
}

// The quantile `level` of sorted values, linear between them.
double quantile(const std::vector<double>& sorted, double level) {
  if (sorted.empty()) return nan;
  const double position = level * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (position - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

std::vector<double> sorted_bootstrap_slopes(const LogPoints& all, std::int64_t seed, int resamples) {
  Random random(seed, RandomPurpose::bootstrap);
  std::vector<double> slopes;
  slopes.reserve(static_cast<std::size_t>(std::max(resamples, 0)));
  for (int draw = 0; draw < resamples; ++draw) {
    const double slope = resampled_slope(all, random);
    if (std::isfinite(slope)) slopes.push_back(slope);
  }
  std::sort(slopes.begin(), slopes.end());
  return slopes;
}

}  // namespace

Exponent fit_power_law(std::span<const PowerLawSample> samples, std::int64_t seed, int resamples) {
  LogPoints all = take_logarithms(samples);
  Exponent result{nan, nan, nan, nan, static_cast<int>(all.points.size())};
  if (result.points < 3) return result;
  const LogPoint mean = centre(all.points);
  result.value = fitted_slope(all.points);
  if (!std::isfinite(result.value)) return result;
  result.log_prefactor = mean.y - result.value * mean.x;
  const auto slopes = sorted_bootstrap_slopes(all, seed, resamples);
  result.low = quantile(slopes, 0.025);
  result.high = quantile(slopes, 0.975);
  return result;
}

// The interval's ends change places.
Exponent negated(Exponent fit) {
  fit.value = -fit.value;
  fit.low = -std::exchange(fit.high, -fit.low);
  return fit;
}

}  // namespace flatsweep
