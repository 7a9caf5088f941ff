#include "flatsweep/analysis/power_law.hpp"

#include "flatsweep/analysis/student.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/base/numbers.hpp"

#include <boost/math/distributions/students_t.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <string>
#include <utility>

namespace flatsweep {

namespace {

struct Points {
  std::vector<double> x, y;  // logarithms
  [[nodiscard]] std::size_t count() const { return x.size(); }
};

Points take_logarithms(const PowerLawSample& sample) {
  if (sample.x.size() != sample.y.size()) throw ConfigError("a power law fit needs one y for each x");
  Points points;
  for (std::size_t i = 0; i < sample.x.size(); ++i) {
    if (!is_positive(sample.x[i]) || !is_positive(sample.y[i])) continue;
    points.x.push_back(std::log(sample.x[i]));
    points.y.push_back(std::log(sample.y[i]));
  }
  return points;
}

/// Takes the mean out and returns it.
double centre(std::vector<double>& values) {
  double sum = 0.0;
  for (const double value : values) sum += value;
  const double mean = sum / values.size();
  for (double& value : values) value -= mean;
  return mean;
}

double product(std::span<const double> a, std::span<const double> b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

/// Few points that seem to be correlated would count as one or none, and one degree of freedom makes 12.7 standard
/// errors of a variance that is itself made up.
constexpr double least_freedom = 2.0;

/// Correlation of neighbouring residuals, from 0 to 0.99. An estimate from n residuals of a line is too small by
/// (2 + 4 rho)/n in the mean, which is put back.
double neighbour_correlation(std::span<const double> residuals, double squares) {
  const double n = residuals.size();
  if (!(squares > 0.0) || n <= 4.0) return 0.0;
  const double estimate = product(residuals.first(residuals.size() - 1), residuals.subspan(1)) / squares;
  return std::clamp((n * estimate + 2.0) / (n - 4.0), 0.0, 0.99);
}

/// sum_ij x_i rho^|i-j| x_j.
double correlated_square(std::span<const double> x, double rho) {
  double square = 0.0, before = 0.0;  // before: sum of rho^(i-j) x_j over j < i
  for (std::size_t i = 0; i < x.size(); ++i) {
    square += x[i] * x[i] + 2.0 * x[i] * before;
    before = rho * (before + x[i]);
  }
  return square;
}

/// Half the 95 % interval of a slope whose residuals e_i correlate by rho^|i-j|. The variance of the slope is
/// s^2 q / (x.x)^2 with q = sum_ij x_i rho^|i-j| x_j, and the residuals' squares add up to s^2 (n - what mean and slope
/// take from them) in the mean.
/// @param x centred   @param residuals of the fitted line
double half_width(std::span<const double> x, std::span<const double> residuals) {
  const double n = x.size();
  const double squares = product(residuals, residuals), spread = product(x, x);
  const double rho = neighbour_correlation(residuals, squares);
  const double correlated = correlated_square(x, rho);
  const std::vector<double> ones(x.size(), 1.0);
  const double taken = correlated_square(ones, rho) / n + correlated / spread;
  const double variance = squares / std::max(n - taken, 1.0);
  const double independent = n * (1.0 - rho * rho) / (1.0 + rho * rho);
  return t_factor(independent - 2.0) * std::sqrt(variance * correlated) / spread;
}

bool is_narrow(std::span<const double> log_x) {
  const auto [least, most] = std::ranges::minmax(log_x);
  return most - least < std::log(least_span);
}

Exponent refused(Exponent fit, FitStatus status) {
  Exponent result;
  result.points = fit.points;
  result.status = status;
  return result;
}

Exponent fit_sample(Points points, int fewest) {
  Exponent fit;
  fit.points = points.count();
  if (fit.points < std::max(fewest, 3)) return refused(fit, FitStatus::too_few_points);
  if (is_narrow(points.x)) return refused(fit, FitStatus::narrow);
  const double mean_x = centre(points.x), mean_y = centre(points.y);
  fit.value = product(points.x, points.y) / product(points.x, points.x);
  fit.log_prefactor = mean_y - fit.value * mean_x;
  std::vector<double> residuals = points.y;
  for (std::size_t i = 0; i < residuals.size(); ++i) residuals[i] -= fit.value * points.x[i];
  const double reach = half_width(points.x, residuals);
  if (!(reach <= most_half_width)) return refused(fit, FitStatus::uncertain);
  fit.low = fit.value - reach;
  fit.high = fit.value + reach;
  fit.seeds = 1;
  fit.interval = Interval::within_seeds;
  fit.status = FitStatus::ok;
  return fit;
}

double mean_over_seeds(std::span<const Exponent> seeds, auto number) {
  double sum = 0.0;
  for (const auto& seed : seeds) sum += number(seed);
  return sum / seeds.size();
}

/// Half the interval of the mean of several seeds with a value each.
double half_width_over(std::span<const Exponent> seeds, double mean) {
  const double count = seeds.size();
  if (seeds.size() < 3)
    return std::sqrt(mean_over_seeds(seeds, [](const Exponent& seed) { return square((seed.high - seed.low) / 2.0); }));
  const double variance = mean_over_seeds(seeds, [&](const Exponent& seed) { return square(seed.value - mean); });
  return t_factor(count - 1.0) * std::sqrt(variance / (count - 1.0));
}

}  // namespace

double t_factor(double freedom) {
  return boost::math::quantile(boost::math::students_t(std::max(freedom, least_freedom)), 0.975);
}

Exponent fit_power_law(std::span<const PowerLawSample> samples, int fewest) {
  std::vector<Exponent> seeds;
  for (const auto& sample : samples) seeds.push_back(fit_sample(take_logarithms(sample), fewest));
  return over_seeds(seeds);
}

Exponent over_seeds(std::span<const Exponent> seeds) {
  std::vector<Exponent> known;
  std::ranges::copy_if(seeds, std::back_inserter(known),
                       [](const Exponent& seed) { return std::isfinite(seed.value); });
  Exponent result;
  for (const auto& seed : known.empty() ? seeds : std::span<const Exponent>(known)) result.points += seed.points;
  if (!seeds.empty()) result.status = seeds.front().status;
  if (known.empty()) return result;
  if (known.size() == 1) return known.front();
  result.status = FitStatus::ok;
  result.seeds = known.size();
  result.value = mean_over_seeds(known, [](const Exponent& seed) { return seed.value; });
  result.log_prefactor = mean_over_seeds(known, [](const Exponent& seed) { return seed.log_prefactor; });
  const double reach = half_width_over(known, result.value);
  result.low = result.value - reach;
  result.high = result.value + reach;
  result.interval = known.size() < 3 ? Interval::within_seeds : Interval::over_seeds;
  return result;
}

// The interval's ends change places. A NaN keeps its sign, which printf would show.
Exponent negated(Exponent fit) {
  if (std::isnan(fit.value)) return fit;
  fit.value = -fit.value;
  fit.low = -std::exchange(fit.high, -fit.low);
  return fit;
}

}  // namespace flatsweep
