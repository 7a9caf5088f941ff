// SGD on a quadratic loss and the window's correlations, by the program's own optimiser and sampler.
#include "flatsweep/analysis/quadratic_sgd.hpp"
#include "flatsweep/analysis/velocity_correlation.hpp"
#include "flatsweep/analysis/window_covariance.hpp"
#include "flatsweep/base/numbers.hpp"
#include "flatsweep/base/random.hpp"
#include "flatsweep/par/agreement.hpp"
#include "flatsweep/train/optimizer.hpp"
#include "selftest_groups.hpp"

#include <Eigen/Core>

#include <array>
#include <cmath>
#include <numeric>
#include <vector>

namespace flatsweep {

namespace {

OptimizerOptions optimizer_of(const QuadraticMode& mode) {
  OptimizerOptions options;
  options.kind = mode.momentum > 0.0 ? OptimizerKind::momentum : OptimizerKind::sgd;
  options.learning_rate = mode.learning_rate;
  options.momentum = mode.momentum;
  return options;
}

/// Mean square of 256 weights that white noise of variance C shakes. About 5e4 independent numbers: 0.6 %.
double simulated_variance(const QuadraticMode& mode) {
  constexpr std::size_t weights = 256;
  constexpr int relaxation = 300, steps = 4000;
  Random random(1, RandomPurpose::simulation);
  Optimizer optimizer(optimizer_of(mode), weights);
  std::vector<float> w(weights), gradient(weights);
  double squares = 0.0;
  for (int t = 0; t < relaxation + steps; ++t) {
    for (std::size_t i = 0; i < weights; ++i)
      gradient[i] = mode.curvature * w[i] + std::sqrt(mode.noise_variance) * random.normal();
    optimizer.step(w, gradient);
    if (t >= relaxation) squares += std::inner_product(w.begin(), w.end(), w.begin(), 0.0);
  }
  return squares / (steps * weights);
}

/// Two modes whose noises are correlated: H = diag(h) and C do not commute.
struct TwoModes {
  static constexpr double rate = 0.1;
  std::array<double, 2> curvature = {3.0, 0.5};
  Eigen::Matrix2d noise{{2.0, 1.2}, {1.2, 1.0}};

  [[nodiscard]] QuadraticMode mode() const { return {0.0, 1.0, rate, 0.0, 1}; }
  /// Along the direction between the two; Sigma_ij = alpha C_ij/(h_i + h_j - alpha h_i h_j).
  [[nodiscard]] double closed_form() const {
    double sum = 0.0;
    for (const int i : {0, 1})
      for (const int j : {0, 1})
        sum += 0.5 * rate * noise(i, j) / (curvature[i] + curvature[j] - rate * curvature[i] * curvature[j]);
    return sum;
  }
  /// In a window so long that its mean takes 1e-4 away.
  [[nodiscard]] double expected_in_window() const {
    const auto pairs = expected_window_covariance(mode(), curvature, Sampling::with_replacement, 200000);
    return 0.5 * noise.cwiseProduct(pairs).sum();
  }
};

/// Mean square along the direction between them of 128 such pairs. About 2.5e4 independent numbers: 0.9 %.
double simulated_between(const TwoModes& modes) {
  constexpr std::size_t pairs = 128;
  constexpr int relaxation = 300, steps = 4000;
  Random random(4, RandomPurpose::simulation);
  Optimizer optimizer(optimizer_of(modes.mode()), 2 * pairs);
  std::vector<float> w(2 * pairs), gradient(2 * pairs);
  const double common = modes.noise(0, 1) / std::sqrt(modes.noise(0, 0));
  double squares = 0.0;
  for (int t = 0; t < relaxation + steps; ++t) {
    for (std::size_t i = 0; i < 2 * pairs; i += 2) {
      const double first = random.normal(), second = random.normal();
      gradient[i] = modes.curvature[0] * w[i] + std::sqrt(modes.noise(0, 0)) * first;
      gradient[i + 1] =
          modes.curvature[1] * w[i + 1] + common * first + std::sqrt(modes.noise(1, 1) - square(common)) * second;
    }
    optimizer.step(w, gradient);
    for (std::size_t i = 0; i < 2 * pairs && t >= relaxation; i += 2) squares += 0.5 * square(w[i] + w[i + 1]);
  }
  return squares / (steps * pairs);
}

Check white_noise_check(const char* name, double momentum) {
  const QuadraticMode mode{3.0, 2.0, 0.1, momentum, 1};
  const double expected = white_noise_variance(mode);
  return {name, expected, simulated_variance(mode), 0.03 * expected, "closed form, 3 %"};
}

/// Samples that pull along flat directions, each direction with its own pulls of mean 0.
struct Pulls {
  static constexpr int samples = 120, batch = 3, directions = 64;
  Eigen::MatrixXf pull{directions, samples};

  Pulls() {
    Random random(2, RandomPurpose::simulation);
    for (float& x : pull.reshaped()) x = random.normal();
    pull.colwise() -= pull.rowwise().mean().eval();
  }
  /// C: the mean square of a minibatch's pull, drawn without replacement.
  [[nodiscard]] double noise_variance() const {
    return 1.0 * pull.squaredNorm() / (directions * samples) / batch * (samples - batch) / (samples - 1.0);
  }
};

/// Mean square distance from the epochs' ends, 150 epochs of the run's own sampler.
double simulated_flat_variance(const Pulls& pulls, const QuadraticMode& mode) {
  constexpr int epochs = 150;
  const Sampler sampler(Sampling::reshuffle, Pulls::samples, Pulls::batch, 3);
  Optimizer optimizer(optimizer_of(mode), Pulls::directions);
  Eigen::VectorXf w = Eigen::VectorXf::Zero(Pulls::directions), gradient(Pulls::directions);
  double squares = 0.0;
  for (int epoch = 0; epoch < epochs; ++epoch) {
    const auto order = sampler.order(epoch);
    for (std::size_t first = 0; first < order.size(); first += Pulls::batch) {
      gradient.setZero();
      for (std::size_t i = first; i < first + Pulls::batch; ++i) gradient += pulls.pull.col(order[i]) / Pulls::batch;
      optimizer.step({w.data(), Pulls::directions}, {gradient.data(), Pulls::directions});
      squares += w.squaredNorm();
    }
  }
  return squares / (1.0 * epochs * mode.iterations * Pulls::directions);
}

Check flat_limit_check() {
  const Pulls pulls;
  const QuadraticMode mode{0.0, pulls.noise_variance(), 0.1, 0.0, Pulls::samples / Pulls::batch};
  const double expected = reshuffled_flat_variance(mode);
  return {"flat direction under reshuffling: alpha^2 C (m + 1)/6", expected, simulated_flat_variance(pulls, mode),
          0.04 * expected, "closed form, 4 %"};
}

std::vector<double> free_walk(std::size_t steps, Random& random) {
  std::vector<double> theta(steps);
  for (std::size_t t = 1; t < steps; ++t) theta[t] = theta[t - 1] + random.normal();
  return theta;
}

/// sigma^2 T^2 / sum_h (T - h) <(theta(t+h) - theta(t))^2>: 1 for any series, since both are all pairs of times.
double displacement_ratio() {
  constexpr std::size_t steps = 1000;
  Random random(4, RandomPurpose::simulation);
  const auto theta = free_walk(steps, random);
  std::vector<std::int64_t> lags(steps - 1);
  std::iota(lags.begin(), lags.end(), 0);
  Autocorrelation autocorrelation(steps);
  const auto found = correlate_velocity(theta, lags, autocorrelation);
  double sum = std::pow(theta.back() - theta.front(), 2);  // lag T - 1, which has no correlation
  for (std::size_t h = 0; h + 1 < steps; ++h)
    sum += (steps - h) * found.measured_displacement[h] * found.noise_strength;
  return found.variance * (steps * steps) / sum;
}

struct WindowMeans {
  double variance = 0.0, identity = 0.0, printed = 0.0;
};

/// Means over many free walks: one window's long lags are noise.
WindowMeans average_windows() {
  constexpr std::size_t steps = 256;
  constexpr int windows = 4000;
  Random random(5, RandomPurpose::simulation);
  Autocorrelation autocorrelation(steps);
  const std::vector<std::int64_t> no_lags;
  WindowMeans mean;
  for (int window = 0; window < windows; ++window) {
    const auto found = correlate_velocity(free_walk(steps, random), no_lags, autocorrelation);
    mean.variance += found.variance / windows;
    mean.identity += found.window_identity * found.variance / windows;
    mean.printed += found.tau_window * found.noise_strength / windows;
  }
  return mean;
}

}  // namespace

std::vector<Check> quadratic_checks(const Communicator& world) {
  std::vector<Check> checks;
  agree(world, [&] {
    checks = {white_noise_check("variance of SGD on a quadratic, lambda = 3", 0.0),
              white_noise_check("variance of SGD on a quadratic, momentum 0.9", 0.9), flat_limit_check()};
    const TwoModes modes;
    const double between = modes.closed_form();
    checks.push_back({"variance of SGD between eigenvectors of H", between, simulated_between(modes), 0.04 * between,
                      "closed form, 4 %"});
    checks.push_back({"the same from the window's covariance", between, modes.expected_in_window(), 1e-3 * between,
                      "closed form, 0.1 %"});
  });
  return checks;
}

std::vector<Check> window_checks(const Communicator& world) {
  std::vector<Check> checks;
  agree(world, [&] {
    const auto mean = average_windows();
    // A window's numbers scatter by about their own size: 1/sqrt(4000) = 1.6 %, three of them; both rows are quotients.
    checks = {
        {"sigma^2 from the measured displacements over sigma^2", 1.0, displacement_ratio(), 1e-10, "algebra"},
        {"(D/T^2) sum (T-t) S(t) over sigma^2, mean of 4000 walks", 1.0, mean.identity / mean.variance, 0.05,
         "window identity"},
        {"(D/T) sum S(t) over sigma^2, as S19 is printed", 3.0, mean.printed / mean.variance, 0.15, "free walk: 3"}};
  });
  return checks;
}

}  // namespace flatsweep
