#include "flatsweep/analysis/quadratic_sgd.hpp"

#include "flatsweep/analysis/psi.hpp"
#include "flatsweep/analysis/window_covariance.hpp"
#include "flatsweep/base/random.hpp"

#include <Eigen/Core>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

namespace flatsweep::quadratic_sgd_test {
namespace {

constexpr Sampling samplings[] = {Sampling::reshuffle, Sampling::shuffle_once, Sampling::fixed_partition,
                                  Sampling::with_replacement};

double variance(std::span<const double> values) {
  const auto count = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  double squares = 0.0;
  for (const double x : values) squares += (x - mean) * (x - mean);
  return squares / count;
}

struct Momentum {
  double beta, lookahead;
};
/// Plain steps, momentum and Nesterov's momentum.
constexpr Momentum momenta[] = {{0.0, 0.0}, {0.9, 0.0}, {0.9, 0.9}};

/// One iteration as PyTorch's SGD defines it: with momentum along v, with Nesterov's along g + beta v.
void iterate(const QuadraticMode& mode, double pull, double& theta, double& velocity) {
  const double gradient = mode.curvature * theta + pull;
  velocity = mode.momentum * velocity + gradient;
  theta -= mode.learning_rate * (mode.lookahead > 0.0 ? gradient + mode.momentum * velocity : velocity);
}

/// SGD on a quadratic whose samples n pull with lambda theta + x_n, minibatches drawn by the run's Sampler.
struct Simulation {
  static constexpr int batch = 3;
  QuadraticMode mode;
  Sampling sampling;
  std::int64_t window;
  std::vector<double> pulls;  // x_n, mean zero

  /// @param left samples that an epoch leaves out
  Simulation(const QuadraticMode& quadratic, Sampling scheme, std::int64_t epochs, int left = 0)
      : mode(quadratic), sampling(scheme), window(epochs * quadratic.iterations) {
    Random random(5, RandomPurpose::simulation);
    for (std::int64_t n = 0; n < batch * mode.iterations + left; ++n) pulls.push_back(random.normal());
    const double mean = std::accumulate(pulls.begin(), pulls.end(), 0.0) / static_cast<double>(pulls.size());
    for (double& x : pulls) x -= mean;
    mode.remainder = epoch_remainder(std::ssize(pulls), batch);
    mode.noise_variance = noise_variance();
  }

  bool always_the_same() const { return sampling == Sampling::shuffle_once || sampling == Sampling::fixed_partition; }

  /// Of the mean of `batch` samples drawn from M with replacement: s^2/B, s^2 over M; without, about the mean of all:
  /// S^2/B (1 - B/M), S^2 over M - 1. Where the same samples are used each epoch M is their number.
  double noise_variance() const {
    const auto samples = static_cast<double>(pulls.size());
    const double drawn = variance(pulls) / batch;
    if (sampling == Sampling::with_replacement) return drawn;
    const auto used = always_the_same() ? static_cast<double>(batch * mode.iterations) : samples;
    return drawn * samples / (samples - 1.0) * (1.0 - batch / used);
  }

  /// What the samples in use pull in the mean: it moves the minimum, or makes a flat mode drift, and is no noise.
  double mean_pull(const Sampler& sampler) const {
    if (!always_the_same()) return 0.0;
    double sum = 0.0;
    const auto order = sampler.order(0);
    for (const auto n : order) sum += pulls[n];
    return sum / static_cast<double>(order.size());
  }

  double window_variance(std::int64_t seed) const {
    const Sampler sampler(sampling, std::ssize(pulls), batch, seed);
    // Long enough for the start to be forgotten to e^-9, its variance to e^-18; a free mode needs to lose its start's
    // velocity only.
    const double rate = mode.learning_rate * mode.curvature / (1.0 - mode.momentum);
    const auto m = static_cast<double>(mode.iterations);
    const double swinging = 6.0 / (m * (1.0 - std::sqrt(mode.momentum)));  // where momentum makes theta swing
    const auto wait = mode.curvature > 0.0 ? std::max(9.0 / (rate * m), swinging) : 20.0;
    const auto before = static_cast<std::int64_t>(wait) + 3;
    std::vector<double> path;
    const double mean = mean_pull(sampler);
    double theta = 0.0, velocity = 0.0;
    for (std::int64_t epoch = 0; epoch < before + window / mode.iterations; ++epoch) {
      const auto order = sampler.order(epoch);
      for (std::size_t first = 0; first < order.size(); first += batch) {
        double pull = -mean;
        for (std::size_t i = first; i < first + batch; ++i) pull += pulls[order[i]] / batch;
        iterate(mode, pull, theta, velocity);
        if (epoch >= before) path.push_back(theta);
      }
    }
    return variance(path);
  }
};

struct Estimate {
  double mean, error;  // standard error of the mean
};

Estimate simulate(const Simulation& simulation, int replicas) {
  std::vector<double> values;
  for (int seed = 1; seed <= replicas; ++seed) values.push_back(simulation.window_variance(seed));
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / replicas;
  return {mean, std::sqrt(variance(values) / replicas)};
}

double reshuffled_crossover(const QuadraticMode& mode) { return crossover_curvature(mode, Sampling::reshuffle, 1); }

// 60 comparisons; beyond four standard errors once in 16000 for a normal error, so the seeds at hand pass or the
// formula is wrong by more than a few per cent.
TEST(ExpectedWindowVariance, IsThatOfSimulatedMinibatches) {
  for (const auto sampling : samplings)
    for (const auto [momentum, lookahead] : momenta)
      for (const double ratio : {0.0, 0.1, 1.0, 3.0, 8.0}) {
        QuadraticMode mode{0.0, 0.0, 0.1, momentum, 20, 0.0, lookahead};
        mode.curvature = ratio * reshuffled_crossover(mode);
        const Simulation simulation(mode, sampling, 3);
        const auto measured = simulate(simulation, 2000);
        EXPECT_LT(measured.error, 0.03 * measured.mean);  // sharp enough to tell the samplings apart
        EXPECT_NEAR(expected_window_variance(simulation.mode, sampling, simulation.window), measured.mean,
                    4.0 * measured.error)
            << to_string(sampling) << ", momentum " << momentum << ", nu " << lookahead << ", lambda/lambda_x "
            << ratio;
      }
}

// With samples left out each epoch the bridges become a walk under reshuffling; the others' noise stays what it was.
TEST(ExpectedWindowVariance, IsThatOfSimulatedMinibatchesWithARemainder) {
  for (const auto sampling : samplings)
    for (const auto [momentum, lookahead] : momenta)
      for (const double ratio : {0.0, 1.0, 3.0})
        for (const int left : {1, 2}) {
          QuadraticMode mode{0.0, 0.0, 0.1, momentum, 7, 0.0, lookahead};
          mode.curvature = ratio * reshuffled_crossover(mode);
          const Simulation simulation(mode, sampling, 4, left);
          const auto measured = simulate(simulation, 2000);
          EXPECT_NEAR(expected_window_variance(simulation.mode, sampling, simulation.window), measured.mean,
                      4.0 * measured.error)
              << to_string(sampling) << ", momentum " << momentum << ", nu " << lookahead << ", lambda/lambda_x "
              << ratio << ", " << left << " left out";
        }
}

// One minibatch an epoch, drawn from five samples: two epochs are independent, and the noise is white.
TEST(ExpectedWindowVariance, OfOneMinibatchAndARemainderIsThatOfWhiteNoise) {
  const QuadraticMode mode{0.7, 2.0, 0.1, 0.5, 1, epoch_remainder(5, 3)};
  const double white = expected_window_variance(mode, Sampling::with_replacement, 30);
  EXPECT_NEAR(expected_window_variance(mode, Sampling::reshuffle, 30), white, 1e-12 * white);
  for (const auto sampling : {Sampling::shuffle_once, Sampling::fixed_partition})
    EXPECT_EQ(expected_window_variance(mode, sampling, 30), 0.0) << to_string(sampling);
}

/// Dense matrices of the same expectation: theta over the window is R xi with R the response to each noise of a long
/// past.
Eigen::MatrixXd dense_response(const QuadraticMode& mode, std::int64_t window, std::int64_t epochs) {
  const std::int64_t count = epochs * mode.iterations;
  Eigen::MatrixXd response = Eigen::MatrixXd::Zero(window, count);
  for (std::int64_t j = 0; j < count; ++j) {
    double theta = 0.0, velocity = 0.0;
    for (std::int64_t t = j; t < count; ++t) {
      iterate(mode, t == j ? 1.0 : 0.0, theta, velocity);
      if (t >= count - window) response(t - count + window, j) = theta;
    }
  }
  response.rowwise() -= response.colwise().mean().eval();
  return response;
}

/// <xi xi^T> written out, of variance 1.
Eigen::MatrixXd dense_noise(const QuadraticMode& mode, Sampling sampling, std::int64_t epochs) {
  const std::int64_t m = mode.iterations, count = epochs * m;
  // -B/(M - B), M the samples that an epoch draws from.
  const double drawn_from = static_cast<double>(m) + (sampling == Sampling::reshuffle ? mode.remainder : 0.0);
  Eigen::MatrixXd noise = Eigen::MatrixXd::Identity(count, count);
  for (std::int64_t s = 0; s < count && sampling != Sampling::with_replacement; ++s)
    for (std::int64_t t = 0; t < count; ++t) {
      if (s / m != t / m && sampling != Sampling::shuffle_once) continue;
      noise(s, t) = s % m == t % m ? 1.0 : -1.0 / (drawn_from - 1.0);
    }
  return noise;
}

double dense_window_variance(const QuadraticMode& mode, Sampling sampling, std::int64_t window, std::int64_t epochs) {
  const auto response = dense_response(mode, window, epochs);
  return mode.noise_variance * (response * dense_noise(mode, sampling, epochs) * response.transpose()).trace() /
         static_cast<double>(window);
}

// The forgotten start is e^-40 of the result; sums of a few hundred terms round to 1e-12 or so of it.
TEST(ExpectedWindowVariance, IsThatOfDenseMatricesForWindowsThatBeginWithinAnEpoch) {
  for (const auto sampling : samplings)
    for (const auto [momentum, lookahead] : {Momentum{0.0, 0.0}, Momentum{0.6, 0.0}, Momentum{0.6, 0.6}})
      for (const double remainder : {0.0, 0.4})
        for (const std::int64_t window : {1, 5, 12, 17, 31, 36}) {
          const QuadraticMode mode{1.2 * (1.0 - momentum), 2.5, 0.1, momentum, 12, remainder, lookahead};
          const double dense = dense_window_variance(mode, sampling, window, 34);
          EXPECT_NEAR(expected_window_variance(mode, sampling, window), dense, 1e-9 * dense + 1e-15)
              << to_string(sampling) << ", momentum " << momentum << ", nu " << lookahead << ", window " << window
              << ", remainder " << remainder;
        }
}

// Modes of four curvatures, one of them none: of that the past drops out with the mean. The least force is 1e-7.
TEST(ExpectedWindowCovariance, IsThatOfDenseMatricesForEveryPairOfModes) {
  for (const auto sampling : samplings)
    for (const auto [momentum, lookahead] : {Momentum{0.0, 0.0}, Momentum{0.6, 0.0}, Momentum{0.6, 0.6}})
      for (const double remainder : {0.0, 0.4})
        for (const std::int64_t window : {5, 12, 31}) {
          const QuadraticMode mode{0.0, 1.0, 0.1, momentum, 12, remainder, lookahead};
          const std::vector<double> curvature = {9.0, 3.0, 1.2 * (1.0 - momentum), 0.0};
          const auto found = expected_window_covariance(mode, curvature, sampling, window);
          const auto noise = dense_noise(mode, sampling, 34);
          std::vector<Eigen::MatrixXd> response;
          for (const double h : curvature) {
            auto one = mode;
            one.curvature = h;
            response.push_back(dense_response(one, window, 34));
          }
          for (std::size_t i = 0; i < curvature.size(); ++i)
            for (std::size_t j = 0; j < curvature.size(); ++j) {
              const double dense =
                  (response[i] * noise * response[j].transpose()).trace() / static_cast<double>(window);
              const auto row = static_cast<Eigen::Index>(i), column = static_cast<Eigen::Index>(j);
              EXPECT_NEAR(found(row, column), dense, 3e-6 * std::sqrt(found(row, row) * found(column, column)))
                  << to_string(sampling) << ", momentum " << momentum << ", nu " << lookahead << ", window " << window
                  << ", remainder " << remainder << ", modes " << i << " and " << j;
            }
        }
}

// Xiong et al. (2022) for white noise, without momentum; a window of T takes (2/(alpha h T)) of it away, 1e-4 here.
TEST(ExpectedWindowCovariance, TendsToTheStationaryOneOfWhiteNoise) {
  const std::vector<double> curvature = {6.0, 2.0, 0.5};
  const auto found = expected_window_covariance({0.0, 1.0, 0.1, 0.0, 1}, curvature, Sampling::with_replacement, 400000);
  for (Eigen::Index i = 0; i < 3; ++i)
    for (Eigen::Index j = 0; j < 3; ++j) {
      const double a = curvature[static_cast<std::size_t>(i)], b = curvature[static_cast<std::size_t>(j)];
      EXPECT_NEAR(found(i, j) * (a + b - 0.1 * a * b) / 0.1, 1.0, 2e-4);
    }
}

// Three hundred modes, of which most are between nodes.
TEST(ExpectedWindowCovariance, OfManyModesIsInterpolated) {
  std::vector<double> curvature;
  for (int i = 0; i < 300; ++i) curvature.push_back(16.0 * std::exp(-0.09 * i));
  curvature.push_back(-0.3);
  for (const auto sampling : samplings)
    for (const auto [momentum, lookahead] : {Momentum{0.0, 0.0}, Momentum{0.8, 0.0}}) {
      const QuadraticMode mode{0.0, 1.0, 0.1, momentum, 40, 0.0, lookahead};
      const auto found = interpolated_window_covariance(mode, curvature, sampling, 400);
      const auto exact = expected_window_covariance(mode, curvature, sampling, 400);
      const Eigen::VectorXd deviation = exact.diagonal().cwiseSqrt();
      EXPECT_LT((found - exact).cwiseQuotient(deviation * deviation.transpose()).cwiseAbs().maxCoeff(), 5e-4)
          << to_string(sampling) << ", momentum " << momentum;
    }
}

TEST(ExpectedWindowCovariance, IsInfiniteInModesInWhichSgdIsUnstable) {
  std::vector<double> curvature(60, 0.5);
  curvature.front() = 20.1;
  const auto found = interpolated_window_covariance({0.0, 1.0, 0.1, 0.0, 5}, curvature, Sampling::reshuffle, 10);
  EXPECT_TRUE(std::isinf(found(0, 0)) && std::isinf(found(0, 59)) && std::isinf(found(59, 0)));
  EXPECT_TRUE(found.bottomRightCorner(59, 59).allFinite());
}

// Along a flat direction only the window's own noise counts without momentum, so that its dense covariance is small: in
// units of C, alpha = 0.3. Without the remainder 0.0998, 0.1037, 0.1045.
TEST(ExpectedWindowVariance, GrowsWithTheEpochsWhereSamplesAreLeftOut) {
  const QuadraticMode mode{0.0, 1.0, 0.3, 0.0, 6, epoch_remainder(2000, 300)};
  const double dense[] = {0.19386764705882348, 0.5150110294117646, 1.1510044117647056};
  const std::int64_t epochs[] = {10, 40, 100};
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(expected_window_variance(mode, Sampling::reshuffle, 6 * epochs[i]), dense[i], 1e-6 * dense[i]);
    EXPECT_NEAR(expected_window_variance(mode, Sampling::fixed_partition, 6 * epochs[i]),
                0.09 * 7.0 / 6.0 * (1.0 - 0.5 / epochs[i]), 1e-6);
  }
  EXPECT_TRUE(std::isnan(reshuffled_flat_variance(mode)));
}

TEST(ExpectedWindowVariance, HasTheFlatLimits) {
  constexpr double alpha = 0.1, noise = 3.0;
  constexpr std::int64_t m = 120;
  constexpr double free = alpha * alpha * noise;
  const QuadraticMode mode{0.0, noise, alpha, 0.0, m};
  for (const std::int64_t epochs : {1, 2, 10}) {
    const auto length = static_cast<double>(epochs * m);
    // The force put in for none changes the result by 1e-7 or less.
    const auto expect = [&](Sampling sampling, double value) {
      EXPECT_NEAR(expected_window_variance(mode, sampling, epochs * m), value, 1e-6 * value) << to_string(sampling);
    };
    const double bridges = free * (m + 1.0) / 6.0;
    expect(Sampling::with_replacement, free * (length * length - 1.0) / (6.0 * length));
    expect(Sampling::reshuffle, bridges * (1.0 - 0.5 / epochs));
    expect(Sampling::fixed_partition, bridges * (1.0 - 0.5 / epochs));
    expect(Sampling::shuffle_once, 0.5 * bridges);
    EXPECT_NEAR(reshuffled_flat_variance(mode), bridges, 1e-14 * bridges);
    EXPECT_NEAR(free_walk_window_variance(mode, epochs * m), free * (length * length - 1.0) / (6.0 * length), 1e-12);
  }
}

TEST(ExpectedWindowVariance, DoesNotDependOnCurvatureBelowTheCrossoverOfReshuffling) {
  QuadraticMode mode{0.0, 1.0, 0.1, 0.0, 1200};
  const double flat = expected_window_variance(mode, Sampling::reshuffle, 12000);
  mode.curvature = 0.1 * reshuffled_crossover(mode);
  EXPECT_NEAR(expected_window_variance(mode, Sampling::reshuffle, 12000), flat, 0.1 * flat);
  mode.curvature *= 1e-3;
  EXPECT_NEAR(expected_window_variance(mode, Sampling::reshuffle, 12000), flat, 1e-3 * flat);
  for (const double nothing : {-1.0, std::numeric_limits<double>::quiet_NaN()}) {
    mode.curvature = nothing;
    EXPECT_EQ(expected_window_variance(mode, Sampling::reshuffle, 12000), flat);
  }
}

// Far above the crossover an epoch is long against the relaxation: its noise is as good as white, up to terms of
// lambda_x/lambda, and the window's mean takes 2/(alpha lambda T) away.
TEST(ExpectedWindowVariance, TendsToTheStationaryVarianceOfWhiteNoise) {
  for (const auto [momentum, lookahead] : momenta) {
    QuadraticMode mode{0.0, 1.0, 0.1, momentum, 10000, 0.0, lookahead};
    mode.curvature = 1000.0 * reshuffled_crossover(mode);
    for (const auto sampling : samplings) {
      const double stationary = white_noise_variance(mode);
      EXPECT_NEAR(expected_window_variance(mode, sampling, 20000), stationary, 2e-3 * stationary)
          << to_string(sampling) << ", momentum " << momentum << ", nu " << lookahead;
    }
  }
}

// With momentum each kick still moves theta for 1/(1 - beta) iterations: corrections of a few times that over m.
TEST(ExpectedWindowVariance, HasTheFlatLimitsOfMomentumInLongEpochs) {
  for (const double lookahead : {0.0, 0.9}) {
    const QuadraticMode mode{0.0, 1.0, 0.1, 0.9, 5000, 0.0, lookahead};
    const double bridges = reshuffled_flat_variance(mode);
    EXPECT_NEAR(expected_window_variance(mode, Sampling::reshuffle, 50000), 0.95 * bridges, 0.02 * bridges);
    const double walk = free_walk_window_variance(mode, 50000);
    EXPECT_NEAR(expected_window_variance(mode, Sampling::with_replacement, 50000), walk, 0.002 * walk);
  }
}

// Var w of the recursion by its autocovariance equations, momentum included, solved by iteration of the covariance.
TEST(WhiteNoiseVariance, IsTheFixedPointOfTheCovarianceRecursion) {
  for (const auto [momentum, lookahead] : {Momentum{0.5, 0.5}, momenta[0], momenta[1], momenta[2]}) {
    const QuadraticMode mode{3.0, 2.0, 0.1, momentum, 1, 0.0, lookahead};
    Eigen::Matrix2d a, covariance = Eigen::Matrix2d::Zero();
    Eigen::Vector2d b(0.0, 0.0);
    iterate(mode, 1.0, b(0), b(1));
    for (int i = 0; i < 2; ++i) {
      Eigen::Vector2d column = Eigen::Vector2d::Unit(i);
      iterate(mode, 0.0, column(0), column(1));
      a.col(i) = column;
    }
    for (int t = 0; t < 2000; ++t) covariance = (a * covariance * a.transpose() + 2.0 * b * b.transpose()).eval();
    EXPECT_NEAR(white_noise_variance(mode), covariance(0, 0), 1e-12);
  }
}

TEST(WhiteNoiseVariance, IsInfiniteWithoutAForceAndWhereSgdIsUnstable) {
  EXPECT_TRUE(std::isinf(white_noise_variance({0.0, 1.0, 0.1, 0.0, 1})));
  EXPECT_TRUE(std::isinf(white_noise_variance({20.1, 1.0, 0.1, 0.0, 1})));
  EXPECT_TRUE(std::isfinite(white_noise_variance({20.1, 1.0, 0.1, 0.9, 1})));
  // Nesterov's momentum is stable up to alpha lambda = 2 (1 + beta)/(1 + 2 beta), here 1.357.
  EXPECT_TRUE(std::isfinite(white_noise_variance({13.5, 1.0, 0.1, 0.9, 1, 0.0, 0.9})));
  EXPECT_TRUE(std::isinf(white_noise_variance({13.6, 1.0, 0.1, 0.9, 1, 0.0, 0.9})));
  EXPECT_TRUE(std::isinf(expected_window_variance({20.1, 1.0, 0.1, 0.0, 5}, Sampling::reshuffle, 10)));
}

TEST(ExpectedWindowVariance, IsZeroWhereEveryMinibatchIsTheWholeSet) {
  EXPECT_EQ(expected_window_variance({1.0, 1.0, 0.1, 0.0, 1}, Sampling::reshuffle, 10), 0.0);
}

/// Where the variance of white noise falls to that of a flat direction in the window.
double meeting_curvature(const QuadraticMode& given, Sampling sampling, std::int64_t window) {
  QuadraticMode mode = given;
  const double flat = expected_window_variance(mode, sampling, window);
  double low = 1e-9, high = 1.0;
  for (int round = 0; round < 60; ++round) {
    mode.curvature = std::sqrt(low * high);
    (white_noise_variance(mode) > flat ? low : high) = mode.curvature;
  }
  return mode.curvature;
}

// Long epochs: 1/m and, with momentum, a few times 1/(m (1 - beta)) of the flat variance are left out, and 1/(2E) of a
// window of E epochs.
TEST(Crossover, IsWhereFlatVarianceMeetsThatOfWhiteNoise) {
  for (const auto [momentum, lookahead] : {Momentum{0.0, 0.0}, Momentum{0.8, 0.0}, Momentum{0.8, 0.8}}) {
    const QuadraticMode mode{0.0, 1.0, 0.1, momentum, 2000, 0.0, lookahead};
    for (const auto sampling : samplings) {
      const std::int64_t window = 50 * mode.iterations;
      const double crossover = crossover_curvature(mode, sampling, window);
      EXPECT_NEAR(meeting_curvature(mode, sampling, window), crossover, 0.02 * crossover)
          << to_string(sampling) << ", momentum " << momentum;
    }
  }
}

TEST(Crossover, HasOneFormulaForEachSampling) {
  const QuadraticMode mode{0.0, 1.0, 0.1, 0.9, 1200};
  EXPECT_DOUBLE_EQ(crossover_curvature(mode, Sampling::reshuffle, 12000), 3.0 * (1.0 - 0.9) / 0.1 / 1200.0);
  EXPECT_DOUBLE_EQ(crossover_curvature(mode, Sampling::fixed_partition, 12000), 3.0 * (1.0 - 0.9) / 0.1 / 1200.0);
  EXPECT_DOUBLE_EQ(crossover_curvature(mode, Sampling::shuffle_once, 12000), 6.0 * (1.0 - 0.9) / 0.1 / 1200.0);
  EXPECT_DOUBLE_EQ(crossover_curvature(mode, Sampling::with_replacement, 12000), 3.0 * (1.0 - 0.9) / 0.1 / 12000.0);
}

TEST(Crossover, IsAbsentWithoutAPlateauAndWithoutNoise) {
  const QuadraticMode walking{0.0, 1.0, 0.1, 0.0, 6, epoch_remainder(2000, 300)}, whole{0.0, 1.0, 0.1, 0.0, 1};
  for (const auto sampling : samplings) {
    EXPECT_EQ(std::isnan(crossover_curvature(walking, sampling, 60)), sampling == Sampling::reshuffle);
    EXPECT_EQ(std::isnan(crossover_curvature(whole, sampling, 60)), sampling != Sampling::with_replacement);
  }
}

/// Velocity autocorrelation c(h) of theta(t+1) - theta(t): a free walk, or an AR(1) of factor a, C(h) = s^2 (2 a^h -
/// a^|h-1| - a^(h+1)).
double velocity_correlation(double a, std::int64_t h) {
  if (h == 0) return 1.0;
  if (a == 1.0) return 0.0;
  return -0.5 * std::pow(a, static_cast<double>(h - 1)) * (1.0 - a);
}

struct CorrelationTimes {
  double identity;    // (1/T^2) sum (T - t) S(t)
  double as_printed;  // (1/T) sum S(t), eq. S19
};

CorrelationTimes correlation_times(double a, std::int64_t window) {
  double integrated = 0.0, displacement = 0.0;
  CorrelationTimes times{0.0, 0.0};
  const auto length = static_cast<double>(window);
  for (std::int64_t t = 1; t < window; ++t) {
    integrated += t == 1 ? 1.0 : 2.0 * velocity_correlation(a, t - 1);  // G(t - 1)
    displacement += integrated;                                         // S(t): mean square displacement over D
    times.identity += (length - static_cast<double>(t)) * displacement / (length * length);
    times.as_printed += displacement / length;
  }
  return times;
}

// sigma^2 = D/T^2 sum (T - t) S(t) is exact; S19 leaves the mean subtraction out and is 3 times too large for a free
// walk, twice for a relaxed mode.
TEST(WindowIdentity, HoldsForAFreeWalkAndARelaxedMode) {
  constexpr std::int64_t window = 3000;
  constexpr double alpha = 0.1, noise = 2.0;
  const auto free = correlation_times(1.0, window);
  const double walk = expected_window_variance({0.0, noise, alpha, 0.0, 1}, Sampling::with_replacement, window);
  EXPECT_NEAR(alpha * alpha * noise * free.identity, walk, 1e-6 * walk);
  EXPECT_NEAR(free.as_printed / free.identity, 3.0, 0.01);

  const QuadraticMode mode{1.0, noise, alpha, 0.0, 1};
  const double strength = 2.0 * alpha * mode.curvature * white_noise_variance(mode);  // D = 2 s^2 (1 - a)
  const auto relaxed = correlation_times(1.0 - alpha * mode.curvature, window);
  const double measured = expected_window_variance(mode, Sampling::with_replacement, window);
  EXPECT_NEAR(strength * relaxed.identity, measured, 1e-10 * measured);
  EXPECT_NEAR(relaxed.as_printed / relaxed.identity, 2.0, 0.02);  // 1/(alpha lambda T) = 0.3 % for either
}

// C ~ lambda^g and F ~ lambda^(-1/2) give psi = 2g below the crossover and 2 (g - 1) above. Over the ranges below the
// variance bends away from the two power laws by lambda/lambda_x and 2 lambda_x/(3 lambda) + alpha lambda/2 < 7 %, over
// a decade in lambda: 0.06 in psi.
TEST(Psi, DiffersOnTheTwoSidesOfTheCrossover) {
  constexpr std::int64_t m = 10000;
  const double crossover = reshuffled_crossover({0.0, 1.0, 0.1, 0.0, m});
  for (const double g : {1.5, 2.0}) {
    VarianceFlatness relation;
    for (int i = 0; i < 200; ++i) {
      const bool above = i < 100;
      const double curvature = crossover * std::pow(10.0, above ? 2.5 - 0.01 * i : -2.0 - 0.02 * (i - 100));
      relation.direction.push_back(i);
      relation.loss_curvature.push_back(curvature);
      relation.flatness.push_back(1.0 / std::sqrt(curvature));
      relation.variance.push_back(
          expected_window_variance({curvature, std::pow(curvature, g), 0.1, 0.0, m}, Sampling::reshuffle, 2 * m));
    }
    const auto fit = fit_psi({&relation, 1}, {0, 199, crossover, 1});
    EXPECT_NEAR(fit.below.value, 2.0 * g, 0.02);
    EXPECT_NEAR(fit.above.value, 2.0 * (g - 1.0), 0.06);
  }
}

}  // namespace
}  // namespace flatsweep::quadratic_sgd_test
