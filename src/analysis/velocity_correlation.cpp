#include "flatsweep/analysis/velocity_correlation.hpp"

#include "flatsweep/base/index.hpp"
#include "flatsweep/base/numbers.hpp"

#include <Eigen/Core>

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <utility>

namespace flatsweep {

namespace {

using Series = std::vector<double>;

Series centred(std::span<const double> theta) {
  const double mean = std::reduce(theta.begin(), theta.end()) / theta.size();
  Series result(theta.begin(), theta.end());
  for (double& value : result) value -= mean;
  return result;
}

Series velocity_of(const Series& theta) {
  Series velocity(theta.size() - 1);
  for (std::size_t t = 0; t < velocity.size(); ++t) velocity[t] = theta[t + 1] - theta[t];
  return velocity;
}

/// C(h) for h = 0..T-2 of every series, as many as are transformed at once.
std::vector<Series> velocity_correlations(std::span<const Series> theta, Autocorrelation& autocorrelation) {
  std::vector<Series> velocities, correlations;
  for (const auto& series : theta) velocities.push_back(velocity_of(series));
  for (const auto& velocity : velocities) correlations.emplace_back(velocity.size());
  autocorrelation.sums(std::vector<std::span<const double>>(velocities.begin(), velocities.end()),
                       std::vector<std::span<double>>(correlations.begin(), correlations.end()));
  for (auto& sums : correlations)
    for (std::size_t h = 0; h < sums.size(); ++h) sums[h] /= sums.size() - h;
  return correlations;
}

/// G(t) for t = 0..T-2 from C(t).
Series integrated(const Series& correlations) {
  Series result(correlations.size(), 1.0);
  for (std::size_t t = 1; t < result.size(); ++t) result[t] = result[t - 1] + 2.0 * correlations[t] / correlations[0];
  return result;
}

/// S(t) for t = 0..T-1 from G(t).
Series displacements(const Series& integrated_correlation) {
  Series result(integrated_correlation.size() + 1, 0.0);
  for (std::size_t t = 1; t < result.size(); ++t) result[t] = result[t - 1] + integrated_correlation[t - 1];
  return result;
}

// About as many as take as long as the transform for all lags does.
constexpr std::size_t lags_one_by_one = 250;

/// <(theta(t+h) - theta(t))^2>_t
double mean_square_displacement(const Series& theta, std::int64_t lag) {
  const Index pairs = std::ssize(theta) - lag;
  const Eigen::Map<const Eigen::ArrayXd> earlier(theta.data(), pairs), later(theta.data() + lag, pairs);
  return (later - earlier).square().sum() / pairs;
}

/// The same for h = 0..T-1: the squares' sums less twice the products', which cancel to about 1e-16 of the sum of all
/// squares.
Series mean_square_displacements(const Series& theta, Autocorrelation& autocorrelation) {
  const std::size_t steps = theta.size();
  Series result(steps);
  autocorrelation.sums(theta, result);
  double squares = 2.0 * std::transform_reduce(theta.begin(), theta.end(), theta.begin(), 0.0);
  for (std::size_t h = 0; h < steps; ++h) {
    result[h] = (squares - 2.0 * result[h]) / (steps - h);
    squares -= square(theta[h]) + square(theta[steps - 1 - h]);
  }
  result[0] = 0.0;
  return result;
}

Series at(const Series& curve, std::span<const std::int64_t> lags, double scale) {
  Series values;
  values.reserve(lags.size());
  for (const auto lag : lags) values.push_back(curve[lag] / scale);
  return values;
}

Series displacements_at(std::span<const std::int64_t> lags, const Series& theta, double scale,
                        Autocorrelation& autocorrelation) {
  if (lags.size() > lags_one_by_one) return at(mean_square_displacements(theta, autocorrelation), lags, scale);
  Series values;
  values.reserve(lags.size());
  for (const auto lag : lags) values.push_back(mean_square_displacement(theta, lag) / scale);
  return values;
}

/// @param theta mean taken out   @param c C(h) of all h   @param drift <v>
VelocityCorrelation describe_motion(const Series& theta, const Series& c, double drift,
                                    std::span<const std::int64_t> lags, Autocorrelation& autocorrelation) {
  const double steps = theta.size();
  const Series g = integrated(c);
  const Series s = displacements(g);
  VelocityCorrelation result;
  result.variance = std::transform_reduce(theta.begin(), theta.end(), theta.begin(), 0.0) / steps;
  result.noise_strength = c[0];
  result.tau = result.variance / c[0];
  result.drift = drift;
  double plain = 0.0, weighted = 0.0;
  for (std::size_t t = 0; t < s.size(); ++t) {
    plain += s[t];
    weighted += (steps - t) * s[t];
  }
  result.tau_window = plain / steps;
  result.window_identity = weighted / (steps * steps) / result.tau;
  result.correlation = at(c, lags, c[0]);
  result.integrated_correlation = at(g, lags, 1.0);
  result.displacement = at(s, lags, 1.0);
  result.measured_displacement = displacements_at(lags, theta, c[0], autocorrelation);
  return result;
}

}  // namespace

VelocityCorrelation correlate_velocity(std::span<const double> theta, std::span<const std::int64_t> lags,
                                       Autocorrelation& autocorrelation) {
  return std::move(correlate_velocities({&theta, 1}, lags, autocorrelation).front());
}

std::vector<VelocityCorrelation> correlate_velocities(std::span<const std::span<const double>> theta,
                                                      std::span<const std::int64_t> lags,
                                                      Autocorrelation& autocorrelation) {
  std::vector<VelocityCorrelation> results;
  while (results.size() < theta.size()) {
    const auto rest = theta.subspan(results.size());
    const auto group = rest.first(std::min(rest.size(), Autocorrelation::at_once));
    std::vector<Series> moves;
    for (const auto& series : group) moves.push_back(centred(series));
    const auto correlations = velocity_correlations(moves, autocorrelation);
    for (std::size_t i = 0; i < group.size(); ++i) {
      const double drift = (group[i].back() - group[i].front()) / (group[i].size() - 1.0);
      results.push_back(describe_motion(moves[i], correlations[i], drift, lags, autocorrelation));
    }
  }
  return results;
}

}  // namespace flatsweep
