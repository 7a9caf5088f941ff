#include "flatsweep/analysis/sample_statistics.hpp"

#include "flatsweep/base/numbers.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

namespace flatsweep {

namespace {

constexpr double quartile_width = 1.3489795003921634;  // between the quartiles of the standard normal distribution

using Values = std::vector<double>;

Values finite(std::span<const double> values) {
  Values kept;
  std::ranges::copy_if(values, std::back_inserter(kept), [](double value) { return std::isfinite(value); });
  return kept;
}

double arithmetic_mean(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / values.size();
}

double sorted_quantile(const Values& sorted, double level) {
  if (sorted.empty()) return nan;
  const double position = level * (sorted.size() - 1);
  const std::size_t below = position;
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (position - below) * (sorted[above] - sorted[below]);
}

double distance_to_normal(const Values& sorted, double mean, double sigma) {
  const double count = sorted.size();
  double distance = 0.0;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    const double normal = 0.5 * std::erfc((mean - sorted[i]) / (sigma * std::numbers::sqrt2));
    const double below = i;
    distance = std::max({distance, normal - below / count, (below + 1.0) / count - normal});
  }
  return distance;
}

struct Paired {
  Values x, y;
};

Paired both_finite(std::span<const double> x, std::span<const double> y) {
  Paired kept;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!std::isfinite(x[i]) || !std::isfinite(y[i])) continue;
    kept.x.push_back(x[i]);
    kept.y.push_back(y[i]);
  }
  return kept;
}

double correlation_of(const Paired& pairs) {
  const double mean_x = arithmetic_mean(pairs.x), mean_y = arithmetic_mean(pairs.y);
  double xx = 0.0, yy = 0.0, xy = 0.0;
  for (std::size_t i = 0; i < pairs.x.size(); ++i) {
    const double dx = pairs.x[i] - mean_x, dy = pairs.y[i] - mean_y;
    xx += dx * dx;
    yy += dy * dy;
    xy += dx * dy;
  }
  return xx > 0.0 && yy > 0.0 ? std::clamp(xy / std::sqrt(xx * yy), -1.0, 1.0) : nan;
}

/// @param widening factor of the variance of z = artanh r, which is 1/(n - 3) for normal pairs
Correlation with_band(double r, std::size_t count, double widening) {
  constexpr double normal_95 = 1.959963984540054;
  const double half = normal_95 * std::sqrt(widening / (count - 3));
  return {r, std::tanh(std::atanh(r) - half), std::tanh(std::atanh(r) + half)};
}

}  // namespace

SampleMoments sample_moments(std::span<const double> values) {
  auto sorted = finite(values);
  std::ranges::sort(sorted);
  SampleMoments m{static_cast<int>(sorted.size()), nan, nan, nan, nan, nan, nan};
  if (m.count < 2) return m;
  m.mean = arithmetic_mean(sorted);
  double third = 0.0, fourth = 0.0;
  m.variance = 0.0;
  for (const double value : sorted) {
    const double d = value - m.mean;
    m.variance += d * d / m.count;
    third += d * d * d / m.count;
    fourth += d * d * d * d / m.count;
  }
  m.robust_sigma = (sorted_quantile(sorted, 0.75) - sorted_quantile(sorted, 0.25)) / quartile_width;
  if (m.variance == 0.0) return m;
  m.skewness = third / std::pow(m.variance, 1.5);
  m.excess_kurtosis = fourth / (m.variance * m.variance) - 3.0;
  m.normal_distance = distance_to_normal(sorted, m.mean, std::sqrt(m.variance));
  return m;
}

Correlation pearson(std::span<const double> x, std::span<const double> y) {
  const auto pairs = both_finite(x, y);
  if (pairs.x.size() < 4) return {nan, nan, nan};
  return with_band(correlation_of(pairs), pairs.x.size(), 1.0);
}

Correlation spearman(std::span<const double> x, std::span<const double> y) {
  const auto pairs = both_finite(x, y);
  if (pairs.x.size() < 4) return {nan, nan, nan};
  const double r = correlation_of({ranks_of(pairs.x), ranks_of(pairs.y)});
  return with_band(r, pairs.x.size(), 1.0 + 0.5 * r * r);
}

Values ranks_of(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return values[i]; });
  Values rank(values.size());
  for (std::size_t first = 0, end = 0; first < order.size(); first = end) {
    end = first + 1;
    while (end < order.size() && values[order[end]] == values[order[first]]) ++end;
    for (std::size_t i = first; i < end; ++i) rank[order[i]] = 0.5 * (first + end - 1);
  }
  return rank;
}

double geometric_mean(std::span<const double> values) {
  double sum = 0.0;
  int count = 0;
  for (const double value : values) {
    if (!is_positive(value)) continue;
    sum += std::log(value);
    ++count;
  }
  return count == 0 ? nan : std::exp(sum / count);
}

double quantile(std::span<const double> values, double level) {
  auto sorted = finite(values);
  std::ranges::sort(sorted);
  return sorted_quantile(sorted, level);
}

}  // namespace flatsweep
