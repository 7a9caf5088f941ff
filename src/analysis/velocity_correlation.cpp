#include "flatsweep/analysis/velocity_correlation.hpp"

#include "flatsweep/base/numbers.hpp"

#include <cstddef>
#include <numeric>

namespace flatsweep {

namespace {

using Series = std::vector<double>;

Series centred(std::span<const double> theta) {
  const double mean = std::reduce(theta.begin(), theta.end()) / theta.size();
  Series result(theta.begin(), theta.end());
  for (double& value : result) value -= mean;
  return result;
}

/// C(h) for h = 0..T-2.
Series velocity_correlations(const Series& theta, Autocorrelation& autocorrelation) {
  Series velocity(theta.size() - 1), correlations(theta.size() - 1);
  for (std::size_t t = 0; t < velocity.size(); ++t) velocity[t] = theta[t + 1] - theta[t];
  autocorrelation.sums(velocity, correlations);
  for (std::size_t h = 0; h < correlations.size(); ++h) correlations[h] /= velocity.size() - h;
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

/// <(theta(t+h) - theta(t))^2>_t for h = 0..T-1: the squares' sums less twice the products', which cancel to about
/// 1e-16 of the sum of all squares.
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

}  // namespace

VelocityCorrelation correlate_velocity(std::span<const double> given, std::span<const std::int64_t> lags,
                                       Autocorrelation& autocorrelation) {
  const Series theta = centred(given);
  const double steps = theta.size();
  const Series c = velocity_correlations(theta, autocorrelation);
  const Series g = integrated(c);
  const Series s = displacements(g);
  VelocityCorrelation result;
  result.variance = std::transform_reduce(theta.begin(), theta.end(), theta.begin(), 0.0) / steps;
  result.noise_strength = c[0];
  result.tau = result.variance / c[0];
  result.drift = (given.back() - given.front()) / (steps - 1.0);
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
  result.measured_displacement = at(mean_square_displacements(theta, autocorrelation), lags, c[0]);
  return result;
}

}  // namespace flatsweep
