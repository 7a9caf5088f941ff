#include "flatsweep/analysis/window_noise.hpp"

#include "flatsweep/analysis/flatness.hpp"
#include "flatsweep/analysis/minibatch_gradients.hpp"
#include "flatsweep/base/index.hpp"
#include "train/toy_training.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace flatsweep::window_noise_test {
namespace {

Sampler sampler_of(const ToyTraining& toy) {
  return {toy.options.sampling, toy.train.set.count(), toy.options.batch_size, toy.options.seed};
}

/// Weights before the first and after every iteration.
std::vector<std::vector<float>> path_of(Trainer trainer, int epochs) {
  std::vector<std::vector<float>> path = {trainer.state().weights};
  for (int epoch = 0; epoch < epochs; ++epoch)
    trainer.run_steps([&](auto weights) { path.emplace_back(weights.begin(), weights.end()); });
  return path;
}

/// A trainer three epochs into its run.
Trainer started(const ToyTraining& toy) {
  auto trainer = toy.trainer();
  for (int epoch = 0; epoch < 3; ++epoch) trainer.run_epoch();
  return toy.trainer(trainer.state());
}

TEST(WindowNoise, FreezesTheWeightsBeforeAnIterationWithWhatTheEpochHasLeft) {
  const ToyTraining toy;
  const auto sampler = sampler_of(toy);
  const auto path = path_of(started(toy), 4);  // 40 iterations
  auto trainer = started(toy);
  const auto frozen = freeze_weights(trainer, 4, sampler, 5);
  ASSERT_EQ(frozen.size(), 5U);
  for (std::size_t k = 0; k < 5; ++k) {
    const std::size_t iteration = 4 + 8 * k;
    EXPECT_EQ(frozen[k].weights, path[iteration]);
    const auto order = sampler.order(3 + static_cast<std::int64_t>(iteration / 10));
    const std::vector<std::uint32_t> rest(order.begin() + static_cast<std::ptrdiff_t>(10 * (iteration % 10)),
                                          order.end());
    EXPECT_EQ(frozen[k].remaining, rest);
  }
}

TEST(WindowNoise, FreezesEveryIterationOnceAtMost) {
  const ToyTraining toy;
  auto trainer = started(toy);
  EXPECT_EQ(freeze_weights(trainer, 2, sampler_of(toy), 500).size(), 20U);
  auto again = started(toy);
  EXPECT_TRUE(freeze_weights(again, 2, sampler_of(toy), 0).empty());
}

/// <(v.p)^2> / alpha^2 of the steps that lead from path[t] for the iterations t asked for.
Eigen::ArrayXd squares_of_steps(const std::vector<std::vector<float>>& path, const std::vector<std::size_t>& iterations,
                                const Layer& layer, double rate) {
  Eigen::ArrayXd mean = Eigen::ArrayXd::Zero(std::ssize(layer));
  for (const auto t : iterations)
    for (Index j = 0; j < mean.size(); ++j) {
      const auto place = layer.weights + static_cast<std::size_t>(j);
      const double step = (static_cast<double>(path[t + 1][place]) - static_cast<double>(path[t][place])) / rate;
      mean(j) += step * step / static_cast<double>(iterations.size());
    }
  return mean;
}

// Only the epoch's last minibatch remains before its last iteration, so the square of that step is known from the path.
// Directions are the weights' own axes.
TEST(WindowNoise, IsTheSquareOfTheStepWhereOneMinibatchRemains) {
  const auto world = Communicator::world();
  const ToyTraining toy;
  const auto path = path_of(started(toy), 4);
  auto trainer = started(toy);
  const auto all = freeze_weights(trainer, 4, sampler_of(toy), 40);
  std::vector<FrozenWeights> last;
  for (std::size_t t = 9; t < 40 && world.is_root(); t += 10) last.push_back(all[t]);
  const auto& layer = toy.network.layers[1];
  const auto size = static_cast<int>(layer.size());
  const auto found = window_gradient_square(world, {toy.network, 1, toy.train.set, 10}, last,
                                            Eigen::MatrixXd::Identity(size, size), choose_directions(size, 0));
  const auto expected = squares_of_steps(path, {9, 19, 29, 39}, layer, toy.options.optimizer.learning_rate);
  // Weights below 1 are known to 3e-8, steps divided by alpha = 0.1 to 6e-7, of gradients up to 0.3.
  for (int j = 0; j < size; ++j) EXPECT_NEAR(found[j], expected(j), 5e-7) << j;
  EXPECT_GT(expected.maxCoeff(), 1e-3);
}

// One minibatch an epoch holds all samples: nothing is random, and v = -alpha g at every iteration.
TEST(WindowNoise, OfFullBatchDescentIsTheMeanSquareVelocity) {
  const auto world = Communicator::world();
  ToyTraining toy;
  toy.options.batch_size = 103;
  const auto path = path_of(started(toy), 12);
  auto trainer = started(toy);
  const auto frozen = freeze_weights(trainer, 12, sampler_of(toy), 12);
  const auto& layer = toy.network.layers[2];
  const auto size = static_cast<int>(layer.size());
  const auto found = window_gradient_square(world, {toy.network, 2, toy.train.set, 103}, frozen,
                                            Eigen::MatrixXd::Identity(size, size), choose_directions(size, 0));
  std::vector<std::size_t> iterations(12);
  for (std::size_t t = 0; t < 12; ++t) iterations[t] = t;
  const auto expected = squares_of_steps(path, iterations, layer, toy.options.optimizer.learning_rate);
  for (int j = 0; j < size; ++j) EXPECT_NEAR(found[j], expected(j), 5e-7) << j;  // as above
  EXPECT_GT(expected.maxCoeff(), 1e-3);
}

// 220 minibatches remain at the 40 points of a layer of few weights: their products are summed, not projected. The
// plain mean of squares along the weights' own axes; along others it is linalg/products_test that checks the sums.
TEST(WindowNoise, IsTheMeanSquareWhereMinibatchesAreMany) {
  const auto world = Communicator::world();
  const ToyTraining toy;
  auto trainer = started(toy);
  const auto frozen = freeze_weights(trainer, 4, sampler_of(toy), 40);
  const auto size = std::ssize(toy.network.layers[2]);
  const auto found = window_gradient_square(world, {toy.network, 2, toy.train.set, 10}, frozen,
                                            Eigen::MatrixXd::Identity(size, size), choose_directions(size, 0));
  Eigen::ArrayXd expected = Eigen::ArrayXd::Zero(size);
  Index minibatches = 0;
  for (const auto& point : frozen) {
    MinibatchGradients gradients(toy.network, point.weights, 2, toy.train.set, 10);
    gradients.for_each_block(point.remaining, [&](const SnapshotBlock& rows) {
      expected += rows.cast<double>().cwiseAbs2().colwise().mean().transpose().array() / 40.0;
      minibatches += rows.rows();
    });
  }
  ASSERT_EQ(minibatches, 220);
  ASSERT_GT(minibatches, 2 * size);
  for (Index j = 0; j < size; ++j)
    EXPECT_NEAR(found[static_cast<std::size_t>(j)], expected(j), 1e-14 + 1e-12 * expected(j)) << j;
  EXPECT_GT(expected.maxCoeff(), 1e-3);
}

TEST(WindowNoise, IsNotANumberWhenNothingWasFrozen) {
  const ToyTraining toy;
  const auto found = window_gradient_square(Communicator::world(), {toy.network, 1, toy.train.set, 10}, {},
                                            Eigen::MatrixXd::Identity(64, 64), {0, 1});
  ASSERT_EQ(found.size(), 2U);
  EXPECT_TRUE(std::isnan(found[0]));
}

}  // namespace
}  // namespace flatsweep::window_noise_test
