#include "flatsweep/train/full_batch.hpp"

#include "flatsweep/train/gradient_descent.hpp"
#include "nn/problems.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace flatsweep::full_batch_test {
namespace {

/// Three groups of samples and a rest, so that ranks have unequal shares.
struct ManyImages {
  Network network = multilayer_perceptron(12, 1, 6, 4);
  ToyImages train{3500, 12, 4, 2, 90.0}, test{300, 12, 4, 3, 90.0};
  std::vector<float> weights = initial_weights(network, 1, Initialisation::plain);
};

struct Derivatives {
  Evaluation evaluation;
  std::vector<float> gradient;
};

Derivatives differentiate(const Communicator& team, const ManyImages& images) {
  FullBatch batch(team, images.network, images.train.set, Direction::forward_and_backward);
  Derivatives result{{}, std::vector<float>(images.network.parameters)};
  result.evaluation = batch.differentiate(images.weights, result.gradient);
  return result;
}

TEST(FullBatch, IsBitwiseTheSameForAnyNumberOfRanks) {
  const ManyImages images;
  const auto shared = differentiate(Communicator::world(), images), alone = differentiate(Communicator::self(), images);
  EXPECT_EQ(shared.gradient, alone.gradient);
  EXPECT_EQ(shared.evaluation.loss, alone.evaluation.loss);
  EXPECT_EQ(shared.evaluation.error, alone.evaluation.error);
}

// Single precision errs by 1e-7 of gradients up to 0.1; differences over 2e-4 in 80 bits by 1e-8.
TEST(FullBatch, GradientIsThatOfTheMeanLoss) {
  const ManyImages images;
  const auto found = differentiate(Communicator::world(), images);
  const auto mean_loss = [&](const Wide& weights) {
    return plain_evaluation(images.network, weights, images.train.set, 0, 3500).loss / 3500.0L;
  };
  const Wide weights = widen(images.weights);
  EXPECT_NEAR(found.evaluation.loss, static_cast<double>(mean_loss(weights)), 1e-6);
  for (const std::size_t j : {std::size_t{0}, std::size_t{30}, std::size_t{75}, images.network.parameters - 1}) {
    Wide up = weights, down = weights;
    up[j] += 1e-4L;
    down[j] -= 1e-4L;
    EXPECT_NEAR(found.gradient[j], static_cast<double>((mean_loss(up) - mean_loss(down)) / 2e-4L), 1e-6) << j;
  }
}

TEST(FullBatch, EvaluatesAsItDifferentiates) {
  const ManyImages images;
  const auto team = Communicator::world();
  FullBatch batch(team, images.network, images.train.set, Direction::forward_only);
  const auto found = batch.evaluate(images.weights);
  EXPECT_EQ(found.loss, differentiate(team, images).evaluation.loss);
  EXPECT_NEAR(found.loss, Evaluator(images.network).evaluate(images.weights, images.train.set).loss, 1e-7);
}

TEST(FullBatch, SaysSoWhereNumbersAreNotFinite) {
  ManyImages images;
  images.weights[5] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(std::isnan(differentiate(Communicator::world(), images).evaluation.loss));
}

/// Loss and gradient of the mean by sums in double precision, sample after sample in blocks of 100.
Derivatives add_up(const ManyImages& images) {
  NetworkExecutor executor(images.network, 100, Direction::forward_and_backward);
  std::vector<float> block(images.network.parameters);
  std::vector<double> sum(block.size());
  double loss = 0.0;
  for (std::size_t first = 0; first < 3500; first += 100) {
    executor.load(images.train.pointers(first, 100));
    executor.forward(images.weights);
    loss += executor.backward(images.weights, std::span(images.train.labels).subspan(first, 100), block).loss;
    for (std::size_t j = 0; j < sum.size(); ++j) sum[j] += 100.0 * block[j];
  }
  return {{loss / 3500.0, 0.0}, {sum.begin(), sum.end()}};
}

// Losses from 1e2 to 1e30 and gradients as large: far beyond 32 a group, where ordinary sums end. Single precision errs
// by 1e-6 of the largest component.
TEST(FullBatch, AddsUpNumbersOfAnySize) {
  for (const float scale : {1e1F, 1e3F, 1e6F, 1e10F, 1e15F}) {
    ManyImages images;
    for (float& w : images.weights) w *= scale;
    const auto shared = differentiate(Communicator::world(), images),
               alone = differentiate(Communicator::self(), images);
    const auto plain = add_up(images);
    EXPECT_NEAR(shared.evaluation.loss, plain.evaluation.loss, 1e-6 * plain.evaluation.loss);
    EXPECT_EQ(shared.evaluation.loss, alone.evaluation.loss);
    EXPECT_EQ(shared.gradient, alone.gradient);
    float largest = 0.0F;
    for (const float g : shared.gradient) largest = std::max(largest, std::abs(g) / 3500.0F);
    for (std::size_t j = 0; j < shared.gradient.size(); ++j)
      EXPECT_NEAR(shared.gradient[j], plain.gradient[j] / 3500.0F, 4e-3 * largest) << j << ", weights times " << scale;
  }
}

TrainerState start(const ManyImages& images) {
  TrainerState state;
  state.weights = images.weights;
  return state;
}

// With this learning rate the loss leaps to thousands and comes back: no divergence.
TEST(GradientDescent, GoesOnThroughLargeLosses) {
  const ManyImages images;
  const auto team = Communicator::world();
  GradientDescent descent(team, images.network, images.train.set, images.test.set, 3000.0, start(images));
  double largest = 0.0;
  for (int epoch = 0; epoch < 10; ++epoch) {
    descent.run_epoch(nullptr);
    largest = std::max(largest, descent.state().history.back().train_loss);
    EXPECT_NEAR(descent.state().history.back().train_loss,
                Evaluator(images.network).evaluate(descent.state().weights, images.train.set).loss,
                1e-6 * descent.state().history.back().train_loss);
  }
  EXPECT_FALSE(descent.state().diverged);
  EXPECT_GT(largest, 1000.0);
}

TrainerState descend(const Communicator& team, const ManyImages& images, TrainerState state, int epochs,
                     const NoiseInjection* noise = nullptr) {
  GradientDescent descent(team, images.network, images.train.set, images.test.set, 0.2, std::move(state));
  for (int epoch = 0; epoch < epochs; ++epoch) descent.run_epoch(noise);
  return descent.state();
}

/// Two modes of noise in the first layer.
NoiseInjection some_noise(const ManyImages& images, double sigma) {
  const auto& layer = images.network.layers[0];
  RowMatrixF vectors = RowMatrixF::Zero(2, std::ssize(layer));
  vectors(0, 3) = vectors(1, 60) = 1.0F;
  return {NoiseShape::flatness_detecting, sigma, 1, {NoiseModes{layer.weight_block(), {0.5, 0.1}, vectors}}};
}

TEST(GradientDescent, IsBitwiseTheSameForAnyNumberOfRanks) {
  const ManyImages images;
  const auto noise = some_noise(images, 0.3);
  const auto shared = descend(Communicator::world(), images, start(images), 6, &noise);
  const auto alone = descend(Communicator::self(), images, start(images), 6, &noise);
  EXPECT_EQ(shared.weights, alone.weights);
  for (std::size_t e = 0; e < 6; ++e) {
    EXPECT_EQ(shared.history[e].test_loss, alone.history[e].test_loss);
    EXPECT_EQ(shared.history[e].gradient_alignment, alone.history[e].gradient_alignment);
  }
}

// Both sum 3500 samples in single precision in different order; five steps.
TEST(GradientDescent, IsTrainingWithOneMinibatchOfAllSamples) {
  const ManyImages images;
  TrainerOptions options{3500, Sampling::reshuffle, 1, {}};
  options.optimizer.learning_rate = 0.2;
  Trainer trainer(images.network, images.train.set, images.test.set, options, start(images));
  for (int epoch = 0; epoch < 5; ++epoch) trainer.run_epoch();
  const auto state = descend(Communicator::world(), images, start(images), 5);
  for (std::size_t j = 0; j < state.weights.size(); ++j)
    EXPECT_NEAR(state.weights[j], trainer.state().weights[j], 1e-6);
  for (std::size_t e = 0; e < 5; ++e) {
    const auto &a = state.history[e], &b = trainer.state().history[e];
    EXPECT_NEAR(a.train_loss, b.train_loss, 1e-6);
    EXPECT_NEAR(a.test_loss, b.test_loss, 1e-6);
    EXPECT_NEAR(a.test_error, b.test_error, 1e-9);
    EXPECT_NEAR(a.gradient_norm, b.gradient_norm, 1e-6);
    EXPECT_NEAR(a.gradient_alignment, b.gradient_alignment, 1e-5);
  }
}

TEST(GradientDescent, WithNoiseOfNoStrengthIsPlainBitForBit) {
  const ManyImages images;
  const auto noise = some_noise(images, 0.0);
  const auto team = Communicator::world();
  EXPECT_EQ(descend(team, images, start(images), 4, &noise).weights, descend(team, images, start(images), 4).weights);
}

TEST(GradientDescent, GoesOnFromItsStateBitForBit) {
  const ManyImages images;
  const auto noise = some_noise(images, 0.3);
  const auto team = Communicator::world();
  const auto half = descend(team, images, start(images), 3, &noise);
  const auto resumed = descend(team, images, TrainerState::from_tree(half.to_tree()), 3, &noise);
  const auto whole = descend(team, images, start(images), 6, &noise);
  EXPECT_EQ(resumed.weights, whole.weights);
  EXPECT_EQ(resumed.history.back().gradient_alignment, whole.history.back().gradient_alignment);
  EXPECT_EQ(resumed.history.size(), 6U);
}

}  // namespace
}  // namespace flatsweep::full_batch_test
