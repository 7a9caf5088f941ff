#include "flatsweep/analysis/quadratic_sgd.hpp"

#include "flatsweep/base/numbers.hpp"

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>
#include <numbers>
#include <vector>

namespace flatsweep {

namespace {

using State = Eigen::Vector2d;  // (theta, v)
using StateMatrix = Eigen::Matrix2d;

constexpr double infinite = std::numeric_limits<double>::infinity();

// By Jury's criterion for z^2 - (1 + beta - alpha lambda (1 + nu)) z + beta - alpha lambda nu.
bool stable(const QuadraticMode& mode) {
  return mode.learning_rate * mode.curvature * (1.0 + 2.0 * mode.lookahead) < 2.0 * (1.0 + mode.momentum);
}

// alpha lambda T/(1 - beta) = 1e-7: such a force moves theta by 1e-7 of itself in the whole window.
QuadraticMode with_some_force(QuadraticMode mode, std::int64_t window) {
  const double least = 1e-7 * (1.0 - mode.momentum) / (mode.learning_rate * window);
  mode.curvature = mode.curvature > least ? mode.curvature : least;  // NaN becomes the least, too
  return mode;
}

// One iteration without noise: x(t+1) = A x(t) + b xi(t).
StateMatrix propagation(const QuadraticMode& mode) {
  StateMatrix a;
  a << 1.0 - mode.learning_rate * mode.curvature, -mode.learning_rate * mode.momentum, mode.curvature, mode.momentum;
  a.row(0) -= mode.learning_rate * mode.lookahead * Eigen::RowVector2d(mode.curvature, mode.momentum - 1.0);
  return a;
}

State kick(const QuadraticMode& mode) { return {-mode.learning_rate * (1.0 + mode.lookahead), 1.0}; }

/// S = A S A^T + P by doubling: after k rounds the sum over A^i P A^iT has 2^k terms.
StateMatrix stationary(StateMatrix a, const StateMatrix& p) {
  StateMatrix sum = p;
  for (int round = 0; round < 64 && a.norm() > 1e-18; ++round) {
    sum = (sum + a * sum * a.transpose()).eval();
    a = (a * a).eval();
  }
  return sum;
}

/// How theta answers to a kick: sums over the first n values h(0), h(1), ... of the response, n = 0..count.
struct Response {
  std::vector<double> sum, squares;

  Response(const QuadraticMode& mode, std::int64_t count) : sum(1, 0.0), squares(1, 0.0) {
    const StateMatrix a = propagation(mode);
    State x = kick(mode);
    for (std::int64_t n = 0; n < count; ++n) {
      sum.push_back(sum.back() + x(0));
      squares.push_back(squares.back() + x(0) * x(0));
      x = (a * x).eval();
    }
  }
  // Sums over h(from), ..., h(to - 1); what lies before 0 is 0.
  [[nodiscard]] double sum_between(std::int64_t from, std::int64_t to) const { return difference(sum, from, to); }
  [[nodiscard]] double squares_between(std::int64_t from, std::int64_t to) const {
    return difference(squares, from, to);
  }

 private:
  static double difference(const std::vector<double>& sums, std::int64_t from, std::int64_t to) {
    return sums[std::max<std::int64_t>(to, 0)] - sums[std::max<std::int64_t>(from, 0)];
  }
};

/// What the state at the start, of covariance S, adds to the variance over snapshots skip+1..last.
double variance_from_start(const QuadraticMode& mode, const StateMatrix& start, std::int64_t skip, std::int64_t last) {
  const StateMatrix a = propagation(mode).transpose();
  const double count = last - skip;
  std::vector<State> rows;
  State row(1.0, 0.0), mean(0.0, 0.0);
  for (std::int64_t t = 1; t <= last; ++t) {
    row = (a * row).eval();
    if (t <= skip) continue;
    rows.push_back(row);
    mean += row / count;
  }
  double variance = 0.0;
  for (const auto& r : rows) variance += (r - mean).dot(start * (r - mean)) / count;
  return variance;
}

double with_white_noise(const QuadraticMode& mode, std::int64_t window) {
  const State b = kick(mode);
  const StateMatrix start = stationary(propagation(mode), mode.noise_variance * b * b.transpose());
  const Response response(mode, window);
  const double length = window;
  double squares = 0.0, of_sum = 0.0;
  for (std::int64_t t = 1; t <= window; ++t) {
    squares += response.squares_between(0, t);
    of_sum += square(response.sum_between(0, t));  // of the noise t - 1 iterations before the last
  }
  return variance_from_start(mode, start, 0, window) +
         mode.noise_variance * (squares / length - of_sum / (length * length));
}

/// Noise of one epoch: minibatches that have no sample in common, <xi(s) xi(t)> = scale (delta_st - 1/whole), `whole`
/// the minibatches that all samples would fill. The variance of noise that enters with the weights f_j is then
/// scale (sum f_j^2 - (sum f_j)^2/whole).
struct EpochCovariance {
  double scale, whole;

  explicit EpochCovariance(const QuadraticMode& mode)
      : scale(mode.noise_variance * (mode.iterations + mode.remainder) / ((mode.iterations - 1) + mode.remainder)),
        whole(mode.iterations + mode.remainder) {}
};

/// Covariance of the state at an epoch's end that the epoch's own noise causes.
StateMatrix covariance_of_epoch(const QuadraticMode& mode, const EpochCovariance& noise) {
  const StateMatrix a = propagation(mode);
  const double m = mode.iterations;
  std::vector<State> responses(1, kick(mode));
  for (std::int64_t j = 1; j < mode.iterations; ++j) responses.push_back(a * responses.back());
  State mean(0.0, 0.0);
  for (const auto& r : responses) mean += r / m;
  StateMatrix result = StateMatrix::Zero();
  for (const auto& r : responses) result += noise.scale * (r - mean) * (r - mean).transpose();
  return result + noise.scale * m * (1.0 - m / noise.whole) * mean * mean.transpose();
}

StateMatrix power(StateMatrix a, std::int64_t exponent) {
  StateMatrix result = StateMatrix::Identity();
  for (; exponent > 0; exponent /= 2, a = (a * a).eval())
    if (exponent % 2 != 0) result = (result * a).eval();
  return result;
}

/// Variance, less that of the window's mean, which the noise of one epoch causes.
class EpochNoise {
 public:
  EpochNoise(const QuadraticMode& mode, const EpochCovariance& noise, std::int64_t last)
      : m_(mode.iterations), noise_(noise), response_(mode, last), sums_(1, 0.0) {
    for (std::int64_t lag = 1; lag <= last; ++lag) sums_.push_back(sums_.back() + at(lag));
  }
  /// The sum over snapshots skip+1..last of the variance due to the epoch that begins after snapshot `begin`.
  [[nodiscard]] double squares(std::int64_t begin, std::int64_t skip, std::int64_t last) const {
    return sums_[last - begin] - sums_[std::max<std::int64_t>(skip - begin, 0)];
  }
  /// The variance of the sum over those snapshots.
  [[nodiscard]] double of_sum(std::int64_t begin, std::int64_t skip, std::int64_t last) const {
    double sum = 0.0, squares = 0.0;
    for (std::int64_t j = begin + 1; j <= begin + m_; ++j) {
      const double weight = response_.sum_between(skip - j + 1, last - j + 1);
      sum += weight;
      squares += weight * weight;
    }
    return noise_.scale * (squares - sum * sum / noise_.whole);
  }

 private:
  [[nodiscard]] double at(std::int64_t lag) const {
    const double sum = response_.sum_between(lag - m_, lag);
    return noise_.scale * (response_.squares_between(lag - m_, lag) - sum * sum / noise_.whole);
  }

  std::int64_t m_;
  EpochCovariance noise_;
  Response response_;
  std::vector<double> sums_;  // over lags 1..n
};

double with_epochs(const QuadraticMode& mode, std::int64_t window) {
  const std::int64_t m = mode.iterations;
  const EpochCovariance covariance(mode);
  const StateMatrix start = stationary(power(propagation(mode), m), covariance_of_epoch(mode, covariance));
  const std::int64_t last = (window + m - 1) / m * m;
  const std::int64_t skip = last - window;
  const EpochNoise noise(mode, covariance, last);
  const double length = window;
  double variance = variance_from_start(mode, start, skip, last);
  for (std::int64_t begin = 0; begin < last; begin += m)
    variance += noise.squares(begin, skip, last) / length - noise.of_sum(begin, skip, last) / (length * length);
  return variance;
}

// The noise has the lines omega_k = 2 pi k/m, k = 1..m-1, of power C/(m - 1) each; the answer of theta to a line is
// -alpha y/((z - 1)(z - beta) + alpha lambda y), z = e^(i omega), y = (1 + nu) z - nu; the mean over T snapshots keeps
// sin^2(omega T/2)/(T^2 sin^2(omega/2)) of its power.
double with_periodic_noise(const QuadraticMode& mode, std::int64_t window) {
  const double m = mode.iterations;
  const double length = window;
  double variance = 0.0;
  for (std::int64_t k = 1; k < mode.iterations; ++k) {
    const double omega = 2.0 * std::numbers::pi * k / m;
    const std::complex<double> z = std::polar(1.0, omega);
    const std::complex<double> y = (1.0 + mode.lookahead) * z - mode.lookahead;
    const double answer = std::norm(1.0 + mode.lookahead - mode.lookahead * std::conj(z));  // |y|^2, as |z| = 1
    const double gain = square(mode.learning_rate) * answer /
                        std::norm((z - 1.0) * (z - mode.momentum) + mode.learning_rate * mode.curvature * y);
    const double of_mean = square(std::sin(0.5 * omega * length) / (length * std::sin(0.5 * omega)));
    variance += mode.noise_variance / (m - 1.0) * gain * (1.0 - of_mean);
  }
  return variance;
}

}  // namespace

double white_noise_variance(const QuadraticMode& mode) {
  if (!(mode.curvature > 0.0) || !stable(mode)) return infinite;
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
  return static_cast<double>(samples % batch_size) / batch_size;
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

double expected_window_variance(const QuadraticMode& given, Sampling sampling, std::int64_t window) {
  auto mode = with_some_force(given, window);
  if (sampling != Sampling::reshuffle) mode.remainder = 0.0;  // what is left out is never used
  if (!stable(mode)) return infinite;
  if (sampling == Sampling::with_replacement) return with_white_noise(mode, window);
  if (mode.iterations < 2 && !(mode.remainder > 0.0)) return 0.0;
  return sampling == Sampling::shuffle_once ? with_periodic_noise(mode, window) : with_epochs(mode, window);
}

}  // namespace flatsweep
