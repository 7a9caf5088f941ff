#include "flatsweep/analysis/velocity_correlation.hpp"

#include "flatsweep/base/random.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

namespace flatsweep::velocity_correlation_test {
namespace {

using Series = std::vector<double>;

VelocityCorrelation correlate(const Series& theta) {
  std::vector<std::int64_t> lags(theta.size() - 1);
  std::iota(lags.begin(), lags.end(), 0);
  Autocorrelation autocorrelation(theta.size());
  return correlate_velocity(theta, lags, autocorrelation);
}

Series random_walk(std::size_t steps, Random& random) {
  Series theta(steps);
  for (std::size_t t = 1; t < steps; ++t) theta[t] = theta[t - 1] + random.normal();
  return theta;
}

/// theta(t+1) = phi theta(t) + noise, an Ornstein-Uhlenbeck process seen once an iteration, with variance 1 from the
/// start.
Series relaxing(double phi, std::size_t steps, Random& random) {
  Series theta(steps);
  theta[0] = random.normal();
  for (std::size_t t = 1; t < steps; ++t) theta[t] = phi * theta[t - 1] + std::sqrt(1.0 - phi * phi) * random.normal();
  return theta;
}

/// The definitions of the header as plain loops.
VelocityCorrelation plain(const Series& theta) {
  const std::size_t T = theta.size();
  const double mean = std::accumulate(theta.begin(), theta.end(), 0.0) / static_cast<double>(T);
  VelocityCorrelation r;
  for (const double x : theta) r.variance += (x - mean) * (x - mean) / static_cast<double>(T);
  for (std::size_t h = 0; h + 1 < T; ++h) {
    double sum = 0.0, moved = 0.0;
    for (std::size_t t = 0; t + h + 1 < T; ++t) sum += (theta[t + 1] - theta[t]) * (theta[t + h + 1] - theta[t + h]);
    for (std::size_t t = 0; t + h < T; ++t) moved += (theta[t + h] - theta[t]) * (theta[t + h] - theta[t]);
    if (h == 0) r.noise_strength = sum / static_cast<double>(T - 1);
    r.correlation.push_back(sum / static_cast<double>(T - 1 - h) / r.noise_strength);
    r.measured_displacement.push_back(moved / static_cast<double>(T - h) / r.noise_strength);
  }
  // The double sums of eq. S18 in place of running ones.
  for (std::size_t h = 0; h < T; ++h) {
    double displacement = 0.0;
    for (std::size_t a = 0; a < h; ++a)
      for (std::size_t b = 0; b < h; ++b) displacement += r.correlation[a > b ? a - b : b - a];
    r.displacement.push_back(displacement);
    r.tau_window += displacement / static_cast<double>(T);
    r.window_identity += static_cast<double>(T - h) * displacement;
  }
  r.window_identity *= r.noise_strength / (static_cast<double>(T * T) * r.variance);
  return r;
}

TEST(VelocityCorrelation, EqualsTheDefinitionsAsPlainLoops) {
  Random random(1, RandomPurpose::simulation);
  const Series theta = random_walk(60, random);
  const auto found = correlate(theta);
  const auto expected = plain(theta);
  // Sums of up to 60^2 numbers of order 1 to 60, each rounded at 1e-16 of the largest.
  constexpr double tolerance = 1e-10;
  EXPECT_NEAR(found.variance, expected.variance, tolerance);
  EXPECT_NEAR(found.noise_strength, expected.noise_strength, tolerance);
  EXPECT_NEAR(found.tau, expected.variance / expected.noise_strength, tolerance);
  EXPECT_NEAR(found.tau_window, expected.tau_window, tolerance);
  EXPECT_NEAR(found.window_identity, expected.window_identity, tolerance);
  EXPECT_NEAR(found.drift, (theta.back() - theta.front()) / 59.0, tolerance);
  ASSERT_EQ(found.correlation.size(), 59U);
  for (std::size_t h = 0; h < 59; ++h) {
    EXPECT_NEAR(found.correlation[h], expected.correlation[h], tolerance) << h;
    EXPECT_NEAR(found.displacement[h], expected.displacement[h], tolerance) << h;
    EXPECT_NEAR(found.measured_displacement[h], expected.measured_displacement[h], tolerance) << h;
    EXPECT_NEAR(found.integrated_correlation[h], expected.displacement[h + 1] - expected.displacement[h], tolerance)
        << h;
  }
}

// Few lags are summed one by one, many by a transform.
TEST(VelocityCorrelation, DisplacementsDoNotDependOnHowManyLagsAreAskedFor) {
  Random random(8, RandomPurpose::simulation);
  const Series theta = random_walk(2000, random);
  Autocorrelation autocorrelation(theta.size());
  const auto all = correlate(theta);
  const std::vector<std::int64_t> lags = {0, 1, 7, 500, 1998};
  const auto few = correlate_velocity(theta, lags, autocorrelation);
  for (std::size_t i = 0; i < lags.size(); ++i) {
    const double expected = all.measured_displacement[static_cast<std::size_t>(lags[i])];
    EXPECT_NEAR(few.measured_displacement[i], expected, 1e-9);  // 1e-16 of the sum of 2000 squares of up to 1e4
  }
}

// sigma^2 = (1/2T^2) sum over all pairs of times of (theta(s) - theta(t))^2, sorted by their distance.
TEST(VelocityCorrelation, MeasuredDisplacementsGiveTheVarianceExactly) {
  for (const std::size_t steps : {2, 3, 50, 1000, 4096}) {
    Random random(static_cast<std::int64_t>(steps), RandomPurpose::simulation);
    Series theta = random_walk(steps, random);
    for (std::size_t t = 0; t < steps; ++t) theta[t] += 5.0 + 0.1 * t;  // an offset and a drift
    const auto found = correlate(theta);
    const auto T = static_cast<double>(steps);
    double sum = 0.0;
    for (std::size_t h = 0; h + 1 < steps; ++h)
      sum += (T - static_cast<double>(h)) * found.measured_displacement[h] * found.noise_strength;
    sum += (theta.back() - theta.front()) * (theta.back() - theta.front());  // lag T - 1, which is not stored
    EXPECT_NEAR(sum / (T * T) / found.variance, 1.0, 1e-11) << steps;        // 4096 lags, each at 1e-16 of the largest
  }
}

// Divided by their numbers of pairs, the correlations add up to the square of the net velocity sum:
// sum_{|h| < T-1} (T-1-|h|) C(h) = (theta(T-1) - theta(0))^2, whatever the series.
TEST(VelocityCorrelation, DisplacementOverTheWholeWindowIsTheNetOne) {
  Random random(7, RandomPurpose::simulation);
  const Series theta = relaxing(0.7, 500, random);
  const auto found = correlate(theta);
  const double last = found.displacement.back() + found.integrated_correlation.back();  // S(T-1) = S(T-2) + G(T-2)
  const double net = theta.back() - theta.front();
  EXPECT_NEAR(found.noise_strength * last, net * net, 1e-10);  // 500 sums of numbers below 100
}

// For variance 1: D = 2 (1 - phi), c(h) = -(1 - phi) phi^(h-1) / 2, G(t) = phi^t, S(t) = (1 - phi^t) / (1 - phi),
// tau = 1 / (2 (1 - phi)); S19 gives twice that, since S has settled at 1 / (1 - phi) for most of the window.
TEST(VelocityCorrelation, OfARelaxingCoordinateHasItsClosedForm) {
  constexpr double phi = 0.9;
  constexpr std::size_t steps = 1 << 18;
  Random random(2, RandomPurpose::simulation);
  const auto found = correlate(relaxing(phi, steps, random));
  // There are about steps / tau = 50,000 independent stretches: a relative error of 0.5 % a number, four of them.
  constexpr double tolerance = 0.02;
  EXPECT_NEAR(found.noise_strength, 2.0 * (1.0 - phi), tolerance * 0.2);
  EXPECT_NEAR(found.tau, 0.5 / (1.0 - phi), tolerance * 5.0);
  for (std::size_t h = 1; h < 40; ++h) {
    const auto lag = static_cast<double>(h);
    // A correlation of white noise has error 1 / sqrt(steps) = 0.002, a sum of h of them 2 sqrt(h) times that.
    EXPECT_NEAR(found.correlation[h], -(1.0 - phi) * std::pow(phi, lag - 1.0) / 2.0, 0.008) << h;
    EXPECT_NEAR(found.integrated_correlation[h], std::pow(phi, lag), 0.03) << h;
    EXPECT_NEAR(found.displacement[h], (1.0 - std::pow(phi, lag)) / (1.0 - phi), 0.2) << h;
  }
}

// Eq. S19 and the identity need the correlations at all lags, which in one window are noise at long ones: their means
// over many windows are checked.
TEST(VelocityCorrelation, PrintedTimeIsTwiceTooLongForARelaxedCoordinate) {
  constexpr double phi = 0.8;
  constexpr std::size_t steps = 500;
  constexpr int windows = 3000;
  Random random(3, RandomPurpose::simulation);
  double printed = 0.0, identity = 0.0, variance = 0.0;
  for (int window = 0; window < windows; ++window) {
    const auto found = correlate(relaxing(phi, steps, random));
    printed += found.tau_window * found.noise_strength / windows;
    identity += found.window_identity * found.variance / windows;
    variance += found.variance / windows;
  }
  // D tau_window = sum_t 2 (1 - phi^t) / T = 2 - 2 / (T (1 - phi)); windows scatter by about 0.3 / sqrt(3000) = 0.006.
  EXPECT_NEAR(printed, 2.0 - 2.0 / (steps * (1.0 - phi)), 0.03);
  EXPECT_NEAR(printed / variance, 2.0, 0.05);
  EXPECT_NEAR(identity / variance, 1.0, 0.02);
}

TEST(VelocityCorrelation, PrintedTimeIsThreeTimesTooLongForAFreeWalk) {
  constexpr std::size_t steps = 256;
  constexpr int windows = 8000;
  Random random(4, RandomPurpose::simulation);
  double printed = 0.0, identity = 0.0, variance = 0.0;
  for (int window = 0; window < windows; ++window) {
    const auto found = correlate(random_walk(steps, random));
    printed += found.tau_window * found.noise_strength / windows;
    identity += found.window_identity * found.variance / windows;
    variance += found.variance / windows;
  }
  // D tau_window = sum_t t / T = (T - 1) / 2 and sigma^2 = (T^2 - 1) / (6 T). A window's numbers scatter by about their
  // own size: 1 / sqrt(8000) = 1.1 %, four of them.
  EXPECT_NEAR(printed / ((steps - 1) / 2.0), 1.0, 0.045);
  EXPECT_NEAR(variance / (steps / 6.0), 1.0, 0.045);
  EXPECT_NEAR(printed / variance, 3.0, 0.15);
  EXPECT_NEAR(identity / variance, 1.0, 0.045);
}

TEST(VelocityCorrelation, OfAWhiteVelocityIsOneAndZero) {
  constexpr std::size_t steps = 1 << 16;
  Random random(5, RandomPurpose::simulation);
  const auto found = correlate(random_walk(steps, random));
  EXPECT_NEAR(found.noise_strength, 1.0, 0.022);  // sqrt(2 / steps) = 0.0055, four of them
  EXPECT_EQ(found.correlation[0], 1.0);
  for (std::size_t h = 1; h < 50; ++h) EXPECT_LT(std::abs(found.correlation[h]), 0.018) << h;  // 4.5 / sqrt(steps)
  for (std::size_t h = 1; h < 50; ++h)  // each c is worth 2, h of them
    EXPECT_NEAR(found.integrated_correlation[h], 1.0, 0.036 * std::sqrt(static_cast<double>(h))) << h;
}

// What momentum makes of white gradients: v(t+1) = beta v(t) + g, c(h) = beta^h, G grows to (1 + beta) / (1 - beta).
TEST(VelocityCorrelation, OfAVelocityWithMomentumDecaysWithIt) {
  constexpr double beta = 0.8;
  constexpr std::size_t steps = 1 << 18;
  Random random(6, RandomPurpose::simulation);
  Series theta(steps);
  double velocity = random.normal() / std::sqrt(1.0 - beta * beta);
  for (std::size_t t = 1; t < steps; ++t) {
    theta[t] = theta[t - 1] + velocity;
    velocity = beta * velocity + random.normal();
  }
  const auto found = correlate(theta);
  // About steps / 9 independent velocities: 0.6 % a number, four of them; G at 40 adds up 80 numbers whose errors last
  // over 9 lags each.
  EXPECT_NEAR(found.noise_strength * (1.0 - beta * beta), 1.0, 0.025);
  for (std::size_t h = 1; h < 30; ++h)
    EXPECT_NEAR(found.correlation[h], std::pow(beta, static_cast<double>(h)), 0.025) << h;
  EXPECT_NEAR(found.integrated_correlation[40], (1.0 + beta) / (1.0 - beta), 0.9);
}

// Over whole periods <cos^2> = 1/2: sigma^2 = 1/2, and v is a sinusoid of amplitude 2 sin(omega/2), so that D = 2
// sin^2(omega/2), and c(h) = cos(omega h) wherever the pairs cover whole periods as well.
TEST(VelocityCorrelation, OfASinusoidIsASinusoid) {
  constexpr std::size_t period = 40, periods = 25, steps = period * periods + 1;
  constexpr double omega = 2.0 * M_PI / period;
  Series theta(steps);
  for (std::size_t t = 0; t < steps; ++t) theta[t] = std::cos(omega * static_cast<double>(t));
  const auto found = correlate(theta);
  EXPECT_NEAR(found.noise_strength, 2.0 * std::pow(std::sin(omega / 2.0), 2), 1e-14);
  EXPECT_NEAR(found.variance, 0.5, 1.0 / steps);  // the one step beyond whole periods
  for (std::size_t h = 0; h + period < steps; h += period) EXPECT_NEAR(found.correlation[h], 1.0, 1e-11) << h;
}

TEST(VelocityCorrelation, OfASteadyDriftIsOneThroughout) {
  Series theta(300);
  for (std::size_t t = 0; t < theta.size(); ++t) theta[t] = 3.0 + 0.25 * t;
  const auto found = correlate(theta);
  EXPECT_NEAR(found.drift, 0.25, 1e-14);
  EXPECT_NEAR(found.noise_strength, 0.0625, 1e-14);
  for (std::size_t h = 0; h < 299; ++h) {
    EXPECT_NEAR(found.correlation[h], 1.0, 1e-11) << h;  // 1e-16 of 300 terms, over as few as one pair
    EXPECT_NEAR(found.displacement[h], static_cast<double>(h * h), 1e-7) << h;
  }
}

TEST(VelocityCorrelation, OfACoordinateAtRestIsNotANumber) {
  const auto found = correlate(Series(20, 1.5));
  EXPECT_EQ(found.noise_strength, 0.0);
  EXPECT_TRUE(std::isnan(found.tau) && std::isnan(found.tau_window) && std::isnan(found.correlation[3]));
}

}  // namespace
}  // namespace flatsweep::velocity_correlation_test
