#include "flatsweep/analysis/gradient_noise.hpp"

#include "flatsweep/analysis/dynamics.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/linalg/orthonormal_basis.hpp"
#include "flatsweep/nn/architecture.hpp"
#include "nn/oracle.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace flatsweep::gradient_noise_test {
namespace {

/// A linear softmax classifier of 6 pixels in 3 classes, whose gradients have a closed form.
struct Softmax {
  explicit Softmax(int count) : images(count, 6, 3, 1, 60.0) {
    Random random(2, RandomPurpose::simulation);
    for (auto& weight : weights) weight = static_cast<float>(random.uniform(-2.0, 2.0));
    for (Index i = 0; i < raw.size(); ++i) raw.data()[i] = random.normal();
    directions = orthonormal_basis(raw);
  }

  /// (p - e_label) x^T of one sample, in the order of the weights.
  [[nodiscard]] Eigen::VectorXd gradient(std::size_t sample) const {
    const auto logits = plain_logits(network, widen(weights), images.set.image(sample));
    long double sum = 0.0L;
    for (const auto logit : logits) sum += std::exp(logit);
    Eigen::VectorXd g(18);
    for (Index i = 0; i < 18; ++i) {
      const auto output = static_cast<std::size_t>(i / 6), pixel = static_cast<std::size_t>(i % 6);
      const double error =
          static_cast<double>(std::exp(logits[output]) / sum) - (images.set.labels[sample] == output ? 1.0 : 0.0);
      g(i) = error * images.set.image(sample)[pixel] / 255.0;
    }
    return g;
  }

  /// Mean gradients of the minibatches of an order, one a row.
  [[nodiscard]] Eigen::MatrixXd minibatch_gradients(std::span<const std::uint32_t> order, Index batch) const {
    Eigen::MatrixXd rows = Eigen::MatrixXd::Zero(std::ssize(order) / batch, 18);
    for (std::size_t i = 0; i < order.size(); ++i)
      rows.row(static_cast<Index>(i) / batch) += gradient(order[i]).transpose() / static_cast<double>(batch);
    return rows;
  }

  /// p_i^T S p_i, S = <g g^T> - <g><g>^T over single samples.
  [[nodiscard]] Eigen::ArrayXd single_sample_variance() const {
    Eigen::MatrixXd rows(images.set.count(), 18);
    for (Index n = 0; n < rows.rows(); ++n) rows.row(n) = gradient(static_cast<std::size_t>(n)).transpose();
    const Eigen::MatrixXd projected = (rows.rowwise() - rows.colwise().mean()) * directions;
    return projected.colwise().squaredNorm().transpose().array() / static_cast<double>(rows.rows());
  }

  ToyImages images;
  Network network = build_network({1, 1, 6}, {}, 3);
  std::vector<float> weights = std::vector<float>(network.parameters);
  Eigen::MatrixXd raw = Eigen::MatrixXd(18, 18);
  Eigen::MatrixXd directions;
};

std::vector<int> all() { return choose_directions(18, 0); }

// Three groups of minibatches, so that a team has something to share.
TEST(GradientNoise, EqualsTheDenseCovariance) {
  const Softmax toy(1600);
  const Sampler sampler(Sampling::reshuffle, 1600, 5, 3);
  const auto rows = toy.minibatch_gradients(sampler.order(7), 5);
  const Eigen::MatrixXd centred = rows.rowwise() - rows.colwise().mean();
  const Eigen::MatrixXd covariance = centred.transpose() * centred / static_cast<double>(rows.rows());
  const std::vector<int> chosen = {0, 4, 17};
  const auto noise = gradient_noise(Communicator::world(), {toy.network, 0, toy.images.set, 5}, toy.weights,
                                    Sampling::reshuffle, sampler, 7, toy.directions, chosen);
  ASSERT_EQ(noise.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    const Eigen::VectorXd p = toy.directions.col(chosen[i]);
    EXPECT_NEAR(noise[i] / p.dot(covariance * p), 1.0, 1e-5);  // single-precision gradients, twice 1e-6
  }
}

TEST(GradientNoise, RefusesDirectionsThatAreNotThere) {
  const Softmax toy(100);
  const Sampler sampler(Sampling::reshuffle, 100, 5, 3);
  const int absent = static_cast<int>(toy.directions.cols());
  EXPECT_THROW(std::ignore = gradient_noise(Communicator::world(), {toy.network, 0, toy.images.set, 5}, toy.weights,
                                            Sampling::reshuffle, sampler, 7, toy.directions, {0, absent}),
               ConfigError);
}

TEST(GradientNoise, IsBitwiseTheSameForAnyTeam) {
  const Softmax toy(1600);
  const Sampler sampler(Sampling::with_replacement, 1600, 3, 3);
  const auto measure = [&](const Communicator& team) {
    return gradient_noise(team, {toy.network, 0, toy.images.set, 3}, toy.weights, Sampling::with_replacement, sampler,
                          0, toy.directions, all());
  };
  EXPECT_EQ(measure(Communicator::world()), measure(Communicator::self()));
}

/// Mean of the noise over many epochs' minibatches at the same weights.
Eigen::ArrayXd mean_noise(const Softmax& toy, Sampling sampling, int batch, int epochs) {
  const Sampler sampler(sampling, toy.images.set.count(), batch, 5);
  Eigen::ArrayXd mean = Eigen::ArrayXd::Zero(18);
  for (int epoch = 0; epoch < epochs; ++epoch) {
    const auto noise = gradient_noise(Communicator::self(), {toy.network, 0, toy.images.set, batch}, toy.weights,
                                      sampling, sampler, epoch, toy.directions, all());
    mean += Eigen::Map<const Eigen::ArrayXd>(noise.data(), 18) / epochs;
  }
  return mean;
}

// The variance of three minibatch means scatters by its own size, 1 / sqrt(4000) = 1.6 % in the mean over epochs; four
// of them. The finite-population factor (M-B)/(M-1) is 0.68, the factor m/(m-1) 1.5.
TEST(GradientNoise, WithoutReplacementHasTheFinitePopulationFactor) {
  const Softmax toy(60);
  const Eigen::ArrayXd expected = toy.single_sample_variance() / 20.0 * (60.0 - 20.0) / (60.0 - 1.0);
  const Eigen::ArrayXd found = mean_noise(toy, Sampling::reshuffle, 20, 4000);
  EXPECT_LT((found / expected - 1.0).abs().maxCoeff(), 0.065) << found / expected;
}

// Fifteen of 65 samples are left out: without the factor 1/(1 - 0.75/(2 * 1.75)) = 1.27 the spread is as much too
// small.
TEST(GradientNoise, OfAnEpochThatLeavesSamplesOutIsThatOfAllSamples) {
  const Softmax toy(65);
  const Eigen::ArrayXd expected = toy.single_sample_variance() / 25.0 * (65.0 - 25.0) / (65.0 - 1.0);
  const Eigen::ArrayXd found = mean_noise(toy, Sampling::reshuffle, 25, 4000);
  EXPECT_LT((found / expected - 1.0).abs().maxCoeff(), 0.09)
      << found / expected;  // two means: sqrt(2/4000), four of them
}

TEST(GradientNoise, OfTheWholeSetIsNotKnown) {
  const Softmax toy(60);
  for (const auto sampling : {Sampling::reshuffle, Sampling::shuffle_once, Sampling::fixed_partition})
    EXPECT_TRUE(mean_noise(toy, sampling, 60, 3).isNaN().all());
}

TEST(GradientNoise, WithReplacementIsThatOfIndependentSamples) {
  const Softmax toy(60);
  const Eigen::ArrayXd expected = toy.single_sample_variance() / 20.0;
  const Eigen::ArrayXd found = mean_noise(toy, Sampling::with_replacement, 20, 4000);
  EXPECT_LT((found / expected - 1.0).abs().maxCoeff(), 0.065) << found / expected;
}

// Weights that are told to move by SGD while the gradients stay those of w_0: the dynamic route must find alpha^2
// <(g.p)^2>, the static one's second moment.
TEST(GradientNoise, IsWhatAWalkWithFrozenGradientsShows) {
  const auto world = Communicator::world();
  const Softmax toy(400);
  const Sampler sampler(Sampling::reshuffle, 400, 5, 3);
  constexpr double rate = 0.1;
  const auto gradients = toy.minibatch_gradients(sampler.order(0), 5);
  RowMatrixF rows = RowMatrixF::Zero(gradients.rows() + 1, 18);
  Eigen::RowVectorXd weights = Eigen::RowVectorXd::Zero(18);
  for (Index t = 0; t < gradients.rows(); ++t) {
    weights -= rate * gradients.row(t);
    rows.row(t + 1) = weights.cast<float>();
  }
  SnapshotSource window;
  if (world.is_root()) window = in_memory(std::make_shared<const RowMatrixF>(rows));
  const auto pca = principal_components(world, window);
  const auto dynamics = measure_dynamics(world, window, pca, all(), {});
  const auto moments = project_gradients(world, {toy.network, 0, toy.images.set, 5}, toy.weights, sampler.order(0),
                                         pca.directions, all());
  OptimizerOptions sgd;
  sgd.learning_rate = rate;
  // Rows of a softmax's gradient add up to zero over the classes: the last six directions do not move.
  for (std::size_t i = 0; i < 12; ++i)
    // Snapshots below 1 are rounded at 3e-8, steps are about 0.01: 1e-5 of the square.
    EXPECT_NEAR(dynamics.noise_strength[i] / (velocity_per_gradient(sgd) * moments.square[i]), 1.0, 1e-4) << i;
}

/// <step^2> of the optimiser itself when it is given white noise.
double simulated_velocity(const OptimizerOptions& options) {
  constexpr int coordinates = 1000, steps = 1000;
  Optimizer optimizer(options, coordinates);
  Random random(9, RandomPurpose::simulation);
  std::vector<float> weights(coordinates), gradient(coordinates);
  double squares = 0.0;
  for (int t = 0; t < 2 * steps; ++t) {
    for (auto& g : gradient) g = static_cast<float>(random.normal());
    const auto before = weights;
    optimizer.step(weights, gradient);
    for (std::size_t i = 0; t >= steps && i < coordinates; ++i)
      squares += std::pow(static_cast<double>(weights[i]) - static_cast<double>(before[i]), 2);
  }
  return squares / (static_cast<double>(coordinates) * steps);
}

// A million squares, of which about one in (1 + beta) / (1 - beta) counts: 0.14 % for SGD, 0.4 % for beta = 0.8.
TEST(GradientNoise, VelocityFollowsFromTheOptimizer) {
  OptimizerOptions options;
  options.learning_rate = 0.05;
  EXPECT_NEAR(velocity_per_gradient(options) / simulated_velocity(options), 1.0, 0.006);
  options.kind = OptimizerKind::momentum;
  options.momentum = 0.8;
  EXPECT_NEAR(velocity_per_gradient(options) / simulated_velocity(options), 1.0, 0.017);
  options.kind = OptimizerKind::nesterov;
  EXPECT_NEAR(velocity_per_gradient(options) / simulated_velocity(options), 1.0, 0.017);
  options.kind = OptimizerKind::adam;
  EXPECT_TRUE(std::isnan(velocity_per_gradient(options)));
}

TEST(MedianRatio, IsOverTheFitRangeAndPositiveNumbersOnly) {
  const std::vector<int> direction = {0, 1, 2, 3, 4, 5};
  const std::vector<double> a = {100.0, 2.0, 3.0, 1.0, std::nan(""), 100.0};
  const std::vector<double> b = {1.0, 1.0, 1.0, 0.0, 1.0, 1.0};
  EXPECT_EQ(median_ratio(direction, a, b, 1, 4), 2.5);
  EXPECT_EQ(median_ratio(direction, a, b, 1, 1), 2.0);
  EXPECT_EQ(median_ratio(direction, a, b, 0, 2), 3.0);
  EXPECT_TRUE(std::isnan(median_ratio(direction, a, b, 3, 4)));
}

}  // namespace
}  // namespace flatsweep::gradient_noise_test
