#include "flatsweep/analysis/quadratic_sgd.hpp"

#include "flatsweep/analysis/window_covariance.hpp"
#include "flatsweep/base/numbers.hpp"

#include <cmath>
#include <limits>

namespace flatsweep {

namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();

}  // namespace

bool is_stable(const QuadraticMode& mode) {
  // By Jury's criterion for z^2 - (1 + beta - alpha lambda (1 + nu)) z + beta - alpha lambda nu.
  return mode.learning_rate * mode.curvature * (1.0 + 2.0 * mode.lookahead) < 2.0 * (1.0 + mode.momentum);
}

double white_noise_variance(const QuadraticMode& mode) {
  if (!(mode.curvature > 0.0) || !is_stable(mode)) return infinite;
  // theta(t+1) = a theta(t) - b theta(t-1) - alpha ((1 + nu) xi(t) - nu xi(t-1)), an ARMA(2, 1) process.
  const double nu = mode.lookahead, pull = mode.learning_rate * mode.curvature;
  const double a = 1.0 + mode.momentum - pull * (1.0 + nu), b = mode.momentum - pull * nu;
  const double noise = (square(1.0 + nu) + square(nu)) * (1.0 + b) - 2.0 * nu * (1.0 + nu) * a;
  return mode.learning_rate * mode.noise_variance * noise /
         ((1.0 - b) * mode.curvature * (2.0 * (1.0 + mode.momentum) - pull * (1.0 + 2.0 * nu)));
}

QuadraticMode flat_mode(const LinearStep& step, std::int64_t iterations, double remainder) {
  return {0.0, 1.0, step.rate, step.momentum, iterations, remainder, step.lookahead};
}

double epoch_remainder(std::int64_t samples, std::int64_t batch_size) {
  return 1.0 * (samples % batch_size) / batch_size;
}

double reshuffled_flat_variance(const QuadraticMode& mode) {
  if (mode.remainder > 0.0) return nan;
  return square(mode.step().drift()) * mode.noise_variance * (mode.iterations + 1) / 6.0;
}

double free_walk_window_variance(const QuadraticMode& mode, std::int64_t window) {
  const double length = window;
  return square(mode.step().drift()) * mode.noise_variance * (length * length - 1.0) / (6.0 * length);
}

double crossover_curvature(const QuadraticMode& mode, Sampling sampling, std::int64_t window) {
  const double rate = (1.0 - mode.momentum) / mode.learning_rate;
  if (sampling == Sampling::with_replacement) return 3.0 * rate / window;
  const bool grows = sampling == Sampling::reshuffle && mode.remainder > 0.0;
  if (grows || mode.iterations < 2) return nan;
  return (sampling == Sampling::shuffle_once ? 6.0 : 3.0) * rate / mode.iterations;
}

double expected_window_variance(const QuadraticMode& mode, Sampling sampling, std::int64_t window) {
  const double of_unit_noise = expected_window_covariance(mode, {&mode.curvature, 1}, sampling, window)(0, 0);
  return std::isinf(of_unit_noise) ? infinite : mode.noise_variance * of_unit_noise;
}

}  // namespace flatsweep
