#include "flatsweep/analysis/noise_walk.hpp"

#include "dense_modes.hpp"
#include "flatsweep/analysis/pca.hpp"
#include "flatsweep/analysis/quadratic_sgd.hpp"
#include "flatsweep/analysis/walk_null.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/base/index.hpp"
#include "nn/oracle.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace flatsweep::noise_walk_test {
namespace {

/// A small network at weights where its loss has a gradient; the images of an epoch fill ten minibatches, and `left`
/// more remain.
struct Problem {
  explicit Problem(int left = 0, int of_layer = 1) : layer(of_layer), train(100 + left, 20, 5, 2) {
    weights = initial_weights(network, 1, Initialisation::plain);
  }
  [[nodiscard]] FrozenRun run(Sampling sampling, std::int64_t seed = 1,
                              OptimizerKind optimizer = OptimizerKind::sgd) const {
    TrainerOptions options{10, sampling, seed, {}};
    options.optimizer.kind = optimizer;
    return {network, weights, layer, train.set, options, 7, 4};
  }

  int layer;
  Network network = multilayer_perceptron(20, 2, 8, 5);
  ToyImages train;
  std::vector<float> weights;
};

constexpr Sampling samplings[] = {Sampling::reshuffle, Sampling::shuffle_once, Sampling::fixed_partition,
                                  Sampling::with_replacement};

Eigen::MatrixXd rows_of(const SnapshotSource& source) {
  Eigen::MatrixXd rows(source.iterations, source.size);
  Index filled = 0;
  source.for_each_block([&](const SnapshotBlock& block) {
    rows.middleRows(filled, block.rows()) = block.cast<double>();
    filled += block.rows();
  });
  EXPECT_EQ(filled, source.iterations);
  return rows;
}

/// Gradient of every sample by central differences of the plain loss in extended precision. (samples, N)
Eigen::MatrixXd sample_gradients(const Problem& problem) {
  const auto& layer = problem.network.layers[problem.layer];
  Eigen::MatrixXd gradients(problem.train.set.count(), std::ssize(layer));
  Wide weights = widen(problem.weights);
  const auto loss = [&](Index sample) {
    return plain_evaluation(problem.network, weights, problem.train.set, static_cast<std::size_t>(sample), 1).loss;
  };
  constexpr long double step = 1e-7L;
  for (Index sample = 0; sample < gradients.rows(); ++sample)
    for (Index i = 0; i < gradients.cols(); ++i) {
      auto& weight = weights[layer.weights + static_cast<std::size_t>(i)];
      const auto kept = weight;
      weight = kept + step;
      const auto above = loss(sample);
      weight = kept - step;
      gradients(sample, i) = static_cast<double>((above - loss(sample)) / (2.0L * step));
      weight = kept;
    }
  return gradients;
}

/// The walk by plain loops over samples.
Eigen::MatrixXd plain_walk(const FrozenRun& run, const Eigen::MatrixXd& gradients, const Eigen::VectorXd& mean) {
  const auto sampler = run.sampler();
  Eigen::MatrixXd rows(run.epochs * sampler.iterations(), gradients.cols());
  Eigen::VectorXd position = Eigen::VectorXd::Zero(gradients.cols()), velocity = position;
  Index row = 0;
  for (std::int64_t epoch = run.first_epoch; epoch < run.first_epoch + run.epochs; ++epoch) {
    const auto order = sampler.order(epoch);
    for (std::size_t first = 0; first < order.size(); first += 10) {
      Eigen::VectorXd noise = -mean;
      for (std::size_t i = first; i < first + 10; ++i) noise += gradients.row(order[i]).transpose() / 10.0;
      const auto& optimizer = run.options.optimizer;
      const double beta = optimizer.kind == OptimizerKind::sgd ? 0.0 : optimizer.momentum;
      velocity = beta * velocity + noise;
      const bool nesterov = optimizer.kind == OptimizerKind::nesterov;
      position -= optimizer.learning_rate * (nesterov ? Eigen::VectorXd(noise + beta * velocity) : velocity);
      rows.row(row++) = position.transpose();
    }
  }
  return rows;
}

// Single-precision gradients of order 0.1, and 40 of them in a walk: errors of 1e-7 or so.
TEST(NoiseWalkSource, IsThePlainWalkOfTheRunsMinibatches) {
  const Problem problem(3);
  const auto gradients = sample_gradients(problem);
  for (const auto sampling : samplings)
    for (const auto optimizer : {OptimizerKind::sgd, OptimizerKind::momentum, OptimizerKind::nesterov}) {
      const auto run = problem.run(sampling, 1, optimizer);
      Eigen::VectorXd mean = gradients.colwise().mean().transpose();
      if (sampling == Sampling::shuffle_once || sampling == Sampling::fixed_partition) {
        mean.setZero();  // three samples are never used
        for (const auto sample : run.sampler().order(0)) mean += gradients.row(sample).transpose() / 100.0;
      }
      EXPECT_LT((mean_gradient(run) - mean).cwiseAbs().maxCoeff(), 1e-7) << to_string(sampling);
      const auto walk = rows_of(noise_walk(run, mean_gradient(run)));
      const auto expected = plain_walk(run, gradients, mean);
      EXPECT_GT(expected.cwiseAbs().maxCoeff(), 0.005);  // far above the tolerance
      EXPECT_LT((walk - expected).cwiseAbs().maxCoeff(), 1e-6) << to_string(sampling) << ", " << to_string(optimizer);
    }
}

// The pixels' own layer, whose gradients go through the whole network, and the last one.
TEST(NoiseWalkSource, IsThePlainWalkOfEveryLayer) {
  for (const int layer : {0, 2}) {
    const Problem problem(0, layer);
    const auto gradients = sample_gradients(problem);
    const Eigen::VectorXd mean = gradients.colwise().mean().transpose();
    const auto run = problem.run(Sampling::reshuffle);
    const auto expected = plain_walk(run, gradients, mean);
    EXPECT_GT(expected.cwiseAbs().maxCoeff(), 0.005);
    EXPECT_LT((rows_of(noise_walk(run, mean_gradient(run))) - expected).cwiseAbs().maxCoeff(), 1e-6) << layer;
  }
}

TEST(NoiseWalkSource, IsBackAtTheEndOfEveryEpochUnlessSamplesAreDrawnWithReplacement) {
  const Problem problem;
  for (const auto sampling : samplings) {
    const auto run = problem.run(sampling);
    const auto walk = rows_of(noise_walk(run, mean_gradient(run)));
    const double furthest = walk.cwiseAbs().maxCoeff();
    for (Index epoch = 1; epoch <= 4; ++epoch) {
      const double away = walk.row(10 * epoch - 1).cwiseAbs().maxCoeff();
      // Ten single-precision gradients whose sum cancels.
      if (sampling == Sampling::with_replacement)
        EXPECT_GT(away, 0.05 * furthest);
      else
        EXPECT_LT(away, 1e-5 * furthest) << to_string(sampling);
    }
  }
}

TEST(NoiseWalkSource, RefusesAdam) {
  const Problem problem;
  auto run = problem.run(Sampling::reshuffle);
  run.options.optimizer.kind = OptimizerKind::adam;
  EXPECT_THROW((void)noise_walk(run, mean_gradient(run)), ConfigError);
  EXPECT_FALSE(run.step());
}

/// Trace of the covariance of minibatch gradients from those of the samples.
double noise_trace(const Eigen::MatrixXd& gradients, Sampling sampling) {
  const Eigen::MatrixXd centred = gradients.rowwise() - gradients.colwise().mean();
  const double drawn = centred.squaredNorm() / static_cast<double>(gradients.rows()) / 10.0;
  return sampling == Sampling::with_replacement ? drawn : drawn * 90.0 / 99.0;
}

// Total variance of the walk over 300 seeds of the sampler against alpha^2 tr(C) times the flat limit, (m+1)/6
// (1 - 1/(2E)) for new permutations; four standard errors.
TEST(NoiseWalkSource, HasTheTotalVarianceOfTheTraceFormula) {
  const Problem problem;
  const auto gradients = sample_gradients(problem);
  const double alpha2 = std::pow(OptimizerOptions{}.learning_rate, 2);
  const double limits[] = {11.0 / 6.0 * (1.0 - 1.0 / 8.0), 11.0 / 12.0, 11.0 / 6.0 * (1.0 - 1.0 / 8.0),
                           (1600.0 - 1.0) / 240.0};
  for (std::size_t i = 0; i < 4; ++i) {
    const double expected = alpha2 * noise_trace(gradients, samplings[i]) * limits[i];
    double sum = 0.0, squares = 0.0;
    constexpr int seeds = 300;
    for (int seed = 1; seed <= seeds; ++seed) {
      const auto run = problem.run(samplings[i], seed);
      const auto walk = rows_of(noise_walk(run, mean_gradient(run)));
      const double total = (walk.rowwise() - walk.colwise().mean()).squaredNorm() / 40.0;
      sum += total / seeds;
      squares += total * total / seeds;
    }
    const double error = std::sqrt((squares - sum * sum) / seeds);
    EXPECT_LT(error, 0.05 * expected);
    EXPECT_NEAR(sum, expected, 4.0 * error) << to_string(samplings[i]);
  }
}

/// A made-up measurement: any orthonormal directions.
Eigen::MatrixXd some_directions() {
  Random random(4, RandomPurpose::simulation);
  Eigen::MatrixXd matrix(64, 64);
  for (auto& x : matrix.reshaped()) x = random.normal();
  return eigen_symmetric(matrix + matrix.transpose()).vectors;
}

// Against dense algebra on the rows of the source, in single precision around 0: 1e-6 of the largest.
TEST(NoiseWalk, IsThatOfItsRows) {
  const auto world = Communicator::world();
  const Problem problem;
  const auto directions = some_directions();
  const std::vector<int> chosen = {0, 5, 40};
  for (const auto optimizer : {OptimizerKind::sgd, OptimizerKind::momentum, OptimizerKind::nesterov}) {
    const auto run = problem.run(Sampling::reshuffle, 3, optimizer);
    const auto measured = measure_noise_walk(world, run, directions, chosen, {});
    Eigen::MatrixXd rows = rows_of(noise_walk(run, mean_gradient(run)));
    rows.rowwise() -= rows.colwise().mean().eval();
    const Eigen::MatrixXd covariance = rows.transpose() * rows / 40.0;
    const Eigen::VectorXd spectrum = dense_modes(covariance).values;
    EXPECT_LT((measured.spectrum - spectrum).cwiseAbs().maxCoeff(), 1e-6 * spectrum(0));
    EXPECT_NEAR(measured.total_variance, covariance.trace(), 1e-6 * covariance.trace());
    Eigen::MatrixXd fresh = rows_of(noise_walk(problem.run(Sampling::reshuffle, -4, optimizer), mean_gradient(run)));
    fresh.rowwise() -= fresh.colwise().mean().eval();
    for (Index i = 0; i < 3; ++i) {
      const Eigen::VectorXd p = directions.col(chosen[i]);
      EXPECT_NEAR(measured.walk_variance(i), p.dot(covariance * p), 1e-6 * spectrum(0));
      EXPECT_NEAR(measured.fresh_walk_variance(i), (fresh * p).squaredNorm() / 40.0, 1e-6 * spectrum(0));
    }
  }
}

TEST(NoiseWalk, MeasuresTheNoiseAndPredictsItsVariance) {
  const auto world = Communicator::world();
  const Problem problem;
  const auto gradients = sample_gradients(problem);
  const auto directions = some_directions();
  const std::vector<int> chosen = {0, 5, 40};
  const auto run = problem.run(Sampling::reshuffle);
  const std::vector<double> curvature = {2.0, std::nan(""), -1.0};
  const auto measured = measure_noise_walk(world, run, directions, chosen, curvature);
  const Eigen::VectorXd mean = gradients.colwise().mean().transpose();
  Eigen::VectorXd expected = Eigen::VectorXd::Zero(3);
  for (std::int64_t epoch = 7; epoch < 11; ++epoch) {
    const auto order = run.sampler().order(epoch);
    for (std::size_t first = 0; first < order.size(); first += 10) {
      Eigen::VectorXd noise = -mean;
      for (std::size_t i = first; i < first + 10; ++i) noise += gradients.row(order[i]).transpose() / 10.0;
      for (Index i = 0; i < 3; ++i) expected(i) += std::pow(noise.dot(directions.col(chosen[i])), 2) / 40.0;
    }
  }
  for (Index i = 0; i < 3; ++i) {
    EXPECT_NEAR(measured.noise_variance(i), expected(i), 1e-5 * expected(i));  // single-precision gradients
    const double flat = 0.01 * measured.noise_variance(i) * 11.0 / 6.0 * (1.0 - 1.0 / 8.0);
    EXPECT_NEAR(measured.flat_variance(i), flat, 1e-6 * flat);
  }
  EXPECT_EQ(measured.predicted_variance.tail(2), measured.flat_variance.tail(2));
  const QuadraticMode mode{2.0, measured.noise_variance(0), 0.1, 0.0, 10};
  EXPECT_DOUBLE_EQ(measured.predicted_variance(0), expected_window_variance(mode, Sampling::reshuffle, 40));
}

// Five of 105 samples are left out each epoch.
TEST(NoiseWalk, PredictsWithWhatAnEpochLeavesOut) {
  const Problem problem(5);
  const std::vector<int> chosen = {0, 5};
  const std::vector<double> curvature = {2.0, std::nan("")};
  for (const auto sampling : samplings) {
    const auto measured =
        measure_noise_walk(Communicator::world(), problem.run(sampling), some_directions(), chosen, curvature);
    QuadraticMode mode{2.0, measured.noise_variance(0), 0.1, 0.0, 10, 0.5};
    EXPECT_DOUBLE_EQ(measured.predicted_variance(0), expected_window_variance(mode, sampling, 40));
    mode = {0.0, measured.noise_variance(1), 0.1, 0.0, 10, 0.5};
    EXPECT_DOUBLE_EQ(measured.flat_variance(1), expected_window_variance(mode, sampling, 40));
  }
}

// 100 samples in one minibatch: float sums in another order each epoch differ, but that is no noise.
TEST(NoiseWalk, IsAbsentWhereAllIterationsUseTheSameSamples) {
  const Problem problem;
  for (const auto sampling : {Sampling::reshuffle, Sampling::shuffle_once, Sampling::fixed_partition}) {
    auto run = problem.run(sampling);
    run.options.batch_size = 100;
    const auto walk = measure_noise_walk(Communicator::world(), run, some_directions(), std::vector<int>{0, 5}, {});
    EXPECT_FALSE(walk.reason.empty()) << to_string(sampling);
    EXPECT_EQ(walk.directions.cols(), 0);
    EXPECT_EQ(walk.learning_dimension, 0);
    EXPECT_TRUE(walk.spectrum.array().isNaN().all() && std::isnan(walk.total_variance));
    EXPECT_TRUE(walk.flat_variance.array().isNaN().all() && walk.fresh_walk_variance.array().isNaN().all());
  }
  auto drawn = problem.run(Sampling::with_replacement);
  drawn.options.batch_size = 100;
  EXPECT_TRUE(has_gradient_noise(drawn));
}

TEST(NoiseWalk, IsAbsentWhereGradientsAreZero) {
  Problem problem;
  const auto& last = problem.network.layers.back();
  std::fill_n(problem.weights.begin() + static_cast<std::ptrdiff_t>(last.weights), last.size(), 0.0F);
  const auto walk = measure_noise_walk(Communicator::world(), problem.run(Sampling::reshuffle), some_directions(),
                                       std::vector<int>{1}, {});
  EXPECT_FALSE(walk.reason.empty());
  EXPECT_TRUE(std::isnan(walk.noise_variance(0)));
}

TEST(NoiseWalk, IsTheSameOnEveryRankAndForAnyTeam) {
  const auto world = Communicator::world();
  const Problem problem;
  const std::vector<int> chosen = {1, 2, 3, 60};
  const auto directions = some_directions();
  const auto run = problem.run(Sampling::with_replacement);
  const auto together = measure_noise_walk(world, run, directions, chosen, {});
  const auto alone = measure_noise_walk(Communicator::self(), run, directions, chosen, {});
  // Products of other shapes round differently.
  EXPECT_LT((together.noise_variance - alone.noise_variance).cwiseAbs().maxCoeff(), 1e-12);
  EXPECT_LT((together.walk_variance - alone.walk_variance).cwiseAbs().maxCoeff(), 1e-12);
  EXPECT_LT((together.spectrum - alone.spectrum).cwiseAbs().maxCoeff(), 1e-12);
  EXPECT_NEAR(together.noise_trace, alone.noise_trace, 1e-12);
  EXPECT_EQ(together.learning_dimension, alone.learning_dimension);
}

TEST(NoiseWalk, OfAdamIsAnError) {
  const Problem problem;
  auto run = problem.run(Sampling::reshuffle);
  run.options.optimizer.kind = OptimizerKind::adam;
  EXPECT_THROW((void)measure_noise_walk(Communicator::world(), run, some_directions(), std::vector<int>{0}, {}),
               ConfigError);
}

}  // namespace
}  // namespace flatsweep::noise_walk_test
