#include "flatsweep/analysis/window_covariance.hpp"

#include "flatsweep/base/index.hpp"
#include "flatsweep/base/numbers.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <limits>
#include <numbers>
#include <vector>

namespace flatsweep {

namespace {

using State = Eigen::Vector2d;  // (theta, v)
using StateMatrix = Eigen::Matrix2d;
/// One column a mode, one row a time.
using Responses = Eigen::MatrixXd;

// One iteration without noise: x(t+1) = A x(t) + b xi(t).
StateMatrix propagation(const QuadraticMode& mode) {
  StateMatrix a;
  a << 1.0 - mode.learning_rate * mode.curvature, -mode.learning_rate * mode.momentum, mode.curvature, mode.momentum;
  a.row(0) -= mode.learning_rate * mode.lookahead * Eigen::RowVector2d(mode.curvature, mode.momentum - 1.0);
  return a;
}

State kick(const QuadraticMode& mode) { return {-mode.learning_rate * (1.0 + mode.lookahead), 1.0}; }

/// S = A S B^T + P by doubling: after k rounds the sum over A^i P B^iT has 2^k terms.
StateMatrix stationary(StateMatrix a, StateMatrix b, const StateMatrix& p) {
  StateMatrix sum = p;
  for (int round = 0; round < 64 && std::max(a.norm(), b.norm()) > 1e-18; ++round) {
    sum = (sum + a * sum * b.transpose()).eval();
    a = (a * a).eval();
    b = (b * b).eval();
  }
  return sum;
}

StateMatrix power(StateMatrix a, std::int64_t exponent) {
  StateMatrix result = StateMatrix::Identity();
  for (; exponent > 0; exponent /= 2, a = (a * a).eval())
    if (exponent % 2 != 0) result = (result * a).eval();
  return result;
}

/// Modes that differ in their curvature alone.
class Modes {
 public:
  Modes(const QuadraticMode& mode, std::span<const double> curvature) : kick_(kick(mode)) {
    auto one = mode;
    for (const double h : curvature) {
      one.curvature = h;
      matrices_.push_back(propagation(one));
    }
  }
  [[nodiscard]] Index count() const { return std::ssize(matrices_); }
  [[nodiscard]] const std::vector<StateMatrix>& matrices() const { return matrices_; }

  /// (n, modes) each: theta and v after 0, 1, ... n - 1 iterations after a kick of 1.
  [[nodiscard]] std::array<Responses, 2> after_kick(Index n) const {
    return follow(
        n, [&](const StateMatrix& a, const State& x) { return State(a * x); }, kick_);
  }
  /// What theta after 0, 1, ... n - 1 iterations takes from the theta and the v of the start.
  [[nodiscard]] std::array<Responses, 2> from_start(Index n) const {
    return follow(
        n, [&](const StateMatrix& a, const State& x) { return State(a.transpose() * x); }, State(1.0, 0.0));
  }

 private:
  [[nodiscard]] std::array<Responses, 2> follow(Index n, auto step, const State& first) const {
    std::array<Responses, 2> path = {Responses(n, count()), Responses(n, count())};
    for (Index mode = 0; mode < count(); ++mode) {
      State x = first;
      for (Index t = 0; t < n; ++t, x = step(matrices_[mode], x))
        for (const std::size_t part : {0U, 1U}) path[part](t, mode) = x(part);
    }
    return path;
  }

  State kick_;
  std::vector<StateMatrix> matrices_;
};

/// <x_i x_j^T> of the states of all pairs: the entry (a, b) of pair (i, j) is parts[a][b](i, j).
using StateCovariances = std::array<std::array<Eigen::MatrixXd, 2>, 2>;

/// The stationary S_ij = A_i S_ij A_j^T + P_ij of every pair, a discrete Lyapunov equation.
StateCovariances stationary(const std::vector<StateMatrix>& a, const StateCovariances& p) {
  auto all = p;
  const Index count = std::ssize(a);
  for (Index i = 0; i < count; ++i)
    for (Index j = 0; j < count; ++j) {
      StateMatrix pair;
      for (const std::size_t k : {0U, 1U})
        for (const std::size_t l : {0U, 1U}) pair(k, l) = p[k][l](i, j);
      const auto found = stationary(a[i], a[j], pair);
      for (const std::size_t k : {0U, 1U})
        for (const std::size_t l : {0U, 1U}) all[k][l](i, j) = found(k, l);
    }
  return all;
}

/// What states of these covariances at the start add to the window of the snapshots skip + 1, ..., last.
Eigen::MatrixXd from_start(const Modes& modes, const StateCovariances& start, std::int64_t skip, std::int64_t last) {
  auto path = modes.from_start(last + 1);
  for (auto& part : path) {
    part = part.bottomRows(last - skip).eval();
    part.rowwise() -= part.colwise().mean().eval();
  }
  Eigen::MatrixXd sum = Eigen::MatrixXd::Zero(modes.count(), modes.count());
  for (const std::size_t k : {0U, 1U})
    for (const std::size_t l : {0U, 1U}) sum += start[k][l].cwiseProduct(path[k].transpose() * path[l]);
  return sum / (last - skip);
}

/// Row n is the sum of the first n rows.
Responses running_sums(const Responses& rows) {
  Responses sums = Responses::Zero(rows.rows() + 1, rows.cols());
  for (Index t = 0; t < rows.rows(); ++t) sums.row(t + 1) = sums.row(t) + rows.row(t);
  return sums;
}

Eigen::MatrixXd weighted_products(const Responses& rows, const Eigen::VectorXd& weight) {
  return rows.transpose() * weight.asDiagonal() * rows;
}

Eigen::MatrixXd with_white_noise(const Modes& modes, std::int64_t window) {
  const double length = window;
  const auto after = modes.after_kick(window);
  StateCovariances p;
  for (const std::size_t k : {0U, 1U})
    for (const std::size_t l : {0U, 1U}) p[k][l] = after[k].row(0).transpose() * after[l].row(0);
  // A noise n iterations before a snapshot is in T - n of them; the mean has it with the sum of its answers.
  const Eigen::VectorXd seen = Eigen::VectorXd::LinSpaced(window, window, 1.0) / length;
  const Responses sums = running_sums(after[0]).bottomRows(window) / length;
  return from_start(modes, stationary(modes.matrices(), p), 0, window) + weighted_products(after[0], seen) -
         sums.transpose() * sums;
}

/// Noise of one epoch: minibatches that have no sample in common, <xi(s) xi(t)> = scale (delta_st - 1/whole), `whole`
/// the minibatches that all samples would fill.
struct EpochCovariance {
  double scale, whole, iterations;

  explicit EpochCovariance(const QuadraticMode& mode)
      : scale((mode.iterations + mode.remainder) / ((mode.iterations - 1) + mode.remainder)),
        whole(mode.iterations + mode.remainder),
        iterations(mode.iterations) {}
  /// Of numbers that the noises of an epoch enter with as many weights, (iterations, modes) each:
  /// scale (sum_s f(s) g(s) - (sum f) (sum g)/whole).
  [[nodiscard]] Eigen::MatrixXd of(const Responses& f, const Responses& g) const {
    const Eigen::RowVectorXd mean_f = f.colwise().mean(), mean_g = g.colwise().mean();
    return scale * ((f.rowwise() - mean_f).transpose() * (g.rowwise() - mean_g) +
                    iterations * (1.0 - iterations / whole) * mean_f.transpose() * mean_g);
  }
};

/// A window of whole epochs but for the snapshots 1, ..., skip.
struct EpochWindow {
  std::int64_t iterations, skip, last;

  EpochWindow(std::int64_t of_epoch, std::int64_t window)
      : iterations(of_epoch), skip(0), last((window + of_epoch - 1) / of_epoch * of_epoch) {
    skip = last - window;
  }
  /// (last,) of every lag from 1 on, how many snapshots there are that long after the beginning of an epoch.
  [[nodiscard]] Eigen::VectorXd snapshots_of_lag() const {
    Eigen::VectorXd count = Eigen::VectorXd::Zero(last + 1);
    for (std::int64_t begin = 0; begin < last; begin += iterations) {  // where they become more and fewer
      count(std::max(begin, skip) - begin) += 1.0;
      count(last - begin) -= 1.0;
    }
    for (std::int64_t lag = 1; lag < last; ++lag) count(lag) += count(lag - 1);
    return count.head(last);
  }
};

/// The sum over snapshots of the covariance that noises of the window's epochs cause.
Eigen::MatrixXd sum_over_snapshots(const EpochWindow& window, const EpochCovariance& noise, const Responses& answer,
                                   const Responses& sums) {
  const Eigen::VectorXd count = window.snapshots_of_lag();
  Responses of_epoch = sums.bottomRows(window.last);  // answers to the noises of an epoch, by the lag
  of_epoch.bottomRows(window.last - window.iterations) -= sums.middleRows(1, window.last - window.iterations);
  Eigen::VectorXd seen(window.last);  // in how many snapshots the answer after n iterations is
  double in_sight = count.head(window.iterations).sum();
  for (std::int64_t n = 0; n < window.last; ++n) {
    seen(n) = in_sight;
    in_sight += (n + window.iterations < window.last ? count(n + window.iterations) : 0.0) - count(n);
  }
  return noise.scale * (weighted_products(answer, seen) - weighted_products(of_epoch, count) / noise.whole);
}

/// The covariance of the sums over snapshots that they cause.
Eigen::MatrixXd of_sums(const EpochWindow& window, const EpochCovariance& noise, const Responses& sums) {
  // The noise of iteration s is in the snapshots from s on.
  Responses weight = sums.bottomRows(window.last).colwise().reverse();
  weight.topRows(window.skip) -= sums.middleRows(1, window.skip).colwise().reverse();
  Eigen::MatrixXd all = Eigen::MatrixXd::Zero(sums.cols(), sums.cols());
  for (std::int64_t begin = 0; begin < window.last; begin += window.iterations) {
    const Responses part = weight.middleRows(begin, window.iterations);
    all += noise.of(part, part);
  }
  return all;
}

Eigen::MatrixXd with_epochs(const QuadraticMode& mode, const Modes& modes, std::int64_t length) {
  const EpochCovariance noise(mode);
  const EpochWindow window(mode.iterations, length);
  const auto after = modes.after_kick(window.last);
  StateCovariances p;
  std::vector<StateMatrix> epoch;
  for (const auto& a : modes.matrices()) epoch.push_back(power(a, mode.iterations));
  for (const std::size_t k : {0U, 1U})
    for (const std::size_t l : {0U, 1U})
      p[k][l] = noise.of(after[k].topRows(mode.iterations), after[l].topRows(mode.iterations));
  const auto sums = running_sums(after[0]);
  const double count = length;
  return from_start(modes, stationary(epoch, p), window.skip, window.last) +
         sum_over_snapshots(window, noise, after[0], sums) / count - of_sums(window, noise, sums) / square(count);
}

// The noise has the lines omega_k = 2 pi k/m, k = 1..m-1, of power 1/(m - 1) each; the answer of theta to a line is
// -alpha y/((z - 1)(z - beta) + alpha lambda y), z = e^(i omega), y = (1 + nu) z - nu; the mean over T snapshots keeps
// sin^2(omega T/2)/(T^2 sin^2(omega/2)) of its power.
Eigen::MatrixXd with_periodic_noise(const QuadraticMode& mode, std::span<const double> curvature, std::int64_t window) {
  const double m = mode.iterations, length = window;
  Eigen::MatrixXcd answers(mode.iterations - 1, std::ssize(curvature));
  for (std::int64_t k = 1; k < mode.iterations; ++k) {
    const double omega = 2.0 * std::numbers::pi * k / m;
    const std::complex<double> z = std::polar(1.0, omega);
    const std::complex<double> y = (1.0 + mode.lookahead) * z - mode.lookahead;
    const double of_mean = square(std::sin(0.5 * omega * length) / (length * std::sin(0.5 * omega)));
    const double strength = mode.learning_rate * std::sqrt((1.0 - of_mean) / (m - 1.0));
    for (std::size_t i = 0; i < curvature.size(); ++i)
      answers(k - 1, i) = strength * y / ((z - 1.0) * (z - mode.momentum) + mode.learning_rate * curvature[i] * y);
  }
  return (answers.adjoint() * answers).real();
}

Eigen::MatrixXd of_forces(QuadraticMode mode, std::span<const double> curvature, Sampling sampling,
                          std::int64_t window) {
  if (sampling != Sampling::reshuffle) mode.remainder = 0.0;  // what is left out is never used
  const bool noisy = mode.iterations > 1 || mode.remainder > 0.0;
  if (sampling == Sampling::with_replacement) return with_white_noise(Modes(mode, curvature), window);
  if (!noisy) return Eigen::MatrixXd::Zero(std::ssize(curvature), std::ssize(curvature));
  if (sampling == Sampling::shuffle_once) return with_periodic_noise(mode, curvature, window);
  return with_epochs(mode, Modes(mode, curvature), window);
}

/// A mode without a restoring force has one so weak, alpha h T/(1 - beta) = 1e-7, that it moves theta by 1e-7 of itself
/// in the whole window.
double least_force(const QuadraticMode& mode, std::int64_t window) {
  return 1e-7 * (1.0 - mode.momentum) / (mode.learning_rate * window);
}

bool is_stable_with(QuadraticMode mode, double force) {
  mode.curvature = force;
  return is_stable(mode);
}

/// Modes in which SGD is unstable, with the least force in place of theirs.
Eigen::MatrixXd of_stable_modes(const QuadraticMode& mode, std::span<const double> curvature, Sampling sampling,
                                std::int64_t window) {
  const double least = least_force(mode, window);
  std::vector<double> forces;
  for (const double h : curvature) forces.push_back(h > least && is_stable_with(mode, h) ? h : least);  // also for NaN
  return of_forces(mode, forces, sampling, window);
}

void mark_unstable(const QuadraticMode& mode, std::span<const double> curvature, Eigen::MatrixXd& covariance) {
  constexpr double infinite = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < curvature.size(); ++i) {
    if (!(curvature[i] > 0.0) || is_stable_with(mode, curvature[i])) continue;
    covariance.row(i).setConstant(infinite);
    covariance.col(i).setConstant(infinite);
  }
}

constexpr std::size_t exact_modes = 48;

/// Curvatures at which a matrix of many modes is made: the steepest modes, and below them a grid in ln h.
class Nodes {
 public:
  /// @param flat curvature below which nothing changes
  Nodes(std::span<const double> modes, double flat)
      : modes_(modes), flat_(flat), curvature_(modes.begin(), modes.begin() + exact_modes) {
    const double reach = std::log(std::max(modes[exact_modes], 2.0 * flat) / flat);
    steps_ = std::max<Index>(std::ceil(6.0 * reach), 3);
    width_ = reach / steps_;
    for (Index k = 0; k <= steps_; ++k) curvature_.push_back(flat * std::exp(width_ * k));
  }
  [[nodiscard]] const std::vector<double>& curvature() const { return curvature_; }

  /// (N, nodes): with which weights every mode takes the rows of the nodes.
  [[nodiscard]] Eigen::MatrixXd weights() const {
    Eigen::MatrixXd weight = Eigen::MatrixXd::Zero(std::ssize(modes_), std::ssize(curvature_));
    for (std::size_t i = 0; i < modes_.size(); ++i) {
      if (i < exact_modes)
        weight(i, i) = 1.0;
      else
        interpolate(modes_[i] > flat_ ? std::log(modes_[i] / flat_) / width_ : 0.0, weight.row(i));
    }
    return weight;
  }

 private:
  /// Lagrange's polynomial through four neighbouring nodes.
  void interpolate(double place, Eigen::Ref<Eigen::RowVectorXd, 0, Eigen::InnerStride<>> weight) const {
    const auto begin = std::clamp<Index>(static_cast<Index>(place) - 1, 0, steps_ - 3);
    for (Index k = begin; k < begin + 4; ++k) {
      double factor = 1.0;
      for (Index other = begin; other < begin + 4; ++other)
        if (other != k) factor *= (place - other) / (k - other);
      weight(exact_modes + k) = factor;
    }
  }

  std::span<const double> modes_;
  double flat_, width_ = 0.0;
  std::vector<double> curvature_;
  Index steps_ = 0;
};

}  // namespace

Eigen::MatrixXd expected_window_covariance(const QuadraticMode& mode, std::span<const double> curvature,
                                           Sampling sampling, std::int64_t window) {
  auto covariance = of_stable_modes(mode, curvature, sampling, window);
  mark_unstable(mode, curvature, covariance);
  return covariance;
}

Eigen::MatrixXd interpolated_window_covariance(const QuadraticMode& mode, std::span<const double> curvature,
                                               Sampling sampling, std::int64_t window) {
  if (curvature.size() <= exact_modes) return expected_window_covariance(mode, curvature, sampling, window);
  // A force a thousand times the least one still changes nothing by more than 1e-4.
  const Nodes nodes(curvature, 1e3 * least_force(mode, window));
  const auto weights = nodes.weights();
  Eigen::MatrixXd covariance =
      weights * of_stable_modes(mode, nodes.curvature(), sampling, window) * weights.transpose();
  mark_unstable(mode, curvature, covariance);
  return covariance;
}

}  // namespace flatsweep
