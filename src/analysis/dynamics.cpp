#include "flatsweep/analysis/dynamics.hpp"

#include "flatsweep/analysis/moving.hpp"
#include "flatsweep/analysis/projection.hpp"
#include "flatsweep/analysis/velocity_correlation.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/base/numbers.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <span>

namespace flatsweep {

namespace {

// 0, 1, 2, ..., T - 2, spaced as directions are.
std::vector<std::int64_t> spaced_lags(std::int64_t iterations, int count) {
  const auto chosen = choose_directions(iterations - 1, count);
  return {chosen.begin(), chosen.end()};
}

using Numbers = std::vector<double>;
struct Number {
  Numbers Dynamics::*of_all;
  double VelocityCorrelation::*of_one;
};
struct Curve {
  Numbers Dynamics::*of_all;
  Numbers VelocityCorrelation::*of_one;
};
constexpr std::array<Number, 6> numbers = {{{&Dynamics::variance, &VelocityCorrelation::variance},
                                            {&Dynamics::noise_strength, &VelocityCorrelation::noise_strength},
                                            {&Dynamics::tau, &VelocityCorrelation::tau},
                                            {&Dynamics::tau_window, &VelocityCorrelation::tau_window},
                                            {&Dynamics::window_identity, &VelocityCorrelation::window_identity},
                                            {&Dynamics::drift, &VelocityCorrelation::drift}}};
constexpr std::array<Curve, 4> curves = {
    {{&Dynamics::correlation, &VelocityCorrelation::correlation},
     {&Dynamics::integrated_correlation, &VelocityCorrelation::integrated_correlation},
     {&Dynamics::displacement, &VelocityCorrelation::displacement},
     {&Dynamics::measured_displacement, &VelocityCorrelation::measured_displacement}}};

// One direction as a row of numbers, its position first, so that a team can exchange it.
void append_motion(std::size_t position, const VelocityCorrelation& one, Numbers& rows) {
  rows.push_back(position);
  for (const auto& number : numbers) rows.push_back(one.*number.of_one);
  for (const auto& curve : curves) rows.insert(rows.end(), (one.*curve.of_one).begin(), (one.*curve.of_one).end());
}

void motions_from(std::span<const double> rows, Dynamics& all) {
  const std::size_t count = all.direction.size(), lags = all.lag.size();
  for (const auto& number : numbers) (all.*number.of_all).resize(count);
  for (const auto& curve : curves) (all.*curve.of_all).resize(count * lags);
  for (const double* row = rows.data(); row < rows.data() + rows.size();) {
    const std::size_t position = *row++;
    for (const auto& number : numbers) (all.*number.of_all)[position] = *row++;
    for (const auto& curve : curves) {
      std::copy_n(row, lags, (all.*curve.of_all).begin() + position * lags);
      row += lags;
    }
  }
}

// PCA's variances, not those of the projections: where sigma_i^2 is rounding the two have nothing in common, and
// every exponent must come from the same ones.
void take_variance(const DirectionSet& set, Dynamics& dynamics) {
  if (set.variance.size() == 0) return;
  for (std::size_t i = 0; i < dynamics.direction.size(); ++i) {
    dynamics.variance[i] = set.variance(dynamics.direction[i]);
    dynamics.tau[i] = dynamics.variance[i] / dynamics.noise_strength[i];
  }
}

/// What is made of a velocity that is rounding says nothing; the variance stays.
void forget_rounding(Dynamics& all, const DirectionSet& set) {
  const Eigen::VectorXd of_weights = rounding_of_weights(set.mean);
  const Index lags = std::ssize(all.lag);
  for (std::size_t i = 0; i < all.direction.size(); ++i) {
    const auto direction = all.direction[i];
    const bool still = !(all.variance[i] > set.rounding);
    // Of the difference of two roundings. Where it is half of all that was measured, or more, nothing can be said.
    const double rounding = 2.0 * set.directions.col(direction).cwiseAbs2().dot(of_weights);
    if (!still && all.noise_strength[i] > 2.0 * rounding) continue;
    for (const auto& number : numbers)
      if (number.of_all != &Dynamics::variance) (all.*number.of_all)[i] = nan;
    for (const auto& curve : curves) std::fill_n((all.*curve.of_all).begin() + i * lags, lags, nan);
  }
}

}  // namespace

Dynamics measure_dynamics(const Communicator& team, const SnapshotSource& window, const DirectionSet& set,
                          const std::vector<int>& chosen, const DynamicsOptions& options, std::int64_t budget) {
  Dynamics result;
  result.iterations = set.iterations;
  result.direction = chosen;
  result.lag = spaced_lags(set.iterations, options.lags);
  std::optional<Autocorrelation> autocorrelation;
  Numbers mine;
  for_each_projection(team, window, set, chosen, budget, [&](std::size_t position, const auto& theta) {
    if (!autocorrelation) autocorrelation.emplace(theta.front().size());
    for (const auto& one : correlate_velocities(theta, result.lag, *autocorrelation))
      append_motion(position++, one, mine);
  });
  motions_from(team.gather_all(mine), result);
  take_variance(set, result);
  forget_rounding(result, set);
  return result;
}

void orient_along_drift(Eigen::MatrixXd& vectors, Dynamics& dynamics) {
  for (std::size_t i = 0; i < dynamics.drift.size(); ++i) {
    if (!(dynamics.drift[i] < 0.0)) continue;
    dynamics.drift[i] = -dynamics.drift[i];
    vectors.col(i) *= -1.0;
  }
}

}  // namespace flatsweep
