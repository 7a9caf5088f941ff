#include "flatsweep/train/trainer.hpp"

#include "flatsweep/base/error.hpp"
#include "train/toy_training.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace flatsweep::trainer_test {
namespace {

/// The weights before the first and after every iteration of some epochs.
std::vector<Wide> observed_path(Trainer& trainer, int epochs) {
  std::vector<Wide> path = {widen(trainer.state().weights)};
  for (int i = 0; i < epochs; ++i) trainer.run_epoch([&](auto weights) { path.push_back(widen(weights)); });
  return path;
}

struct OrderParameters {
  double norm = 0.0, alignment = 0.0;
};

/// Eqs. S2, S3 from the weights alone: for plain SGD g(t) = (w(t) - w(t+1)) / alpha.
std::vector<OrderParameters> recomputed(const std::vector<Wide>& path, double learning_rate, std::size_t iterations) {
  std::vector<OrderParameters> epochs;
  Wide previous;
  for (std::size_t begin = 0; begin + 1 < path.size(); begin += iterations) {
    double norms = 0.0, alignments = 0.0, pairs = 0.0;
    for (std::size_t t = begin; t < begin + iterations; ++t) {
      Wide gradient(path[t].size());
      long double square = 0.0L, product = 0.0L, previous_square = 0.0L;
      for (std::size_t j = 0; j < gradient.size(); ++j) {
        gradient[j] = (path[t][j] - path[t + 1][j]) / learning_rate;
        square += gradient[j] * gradient[j];
        if (previous.empty()) continue;
        product += gradient[j] * previous[j];
        previous_square += previous[j] * previous[j];
      }
      norms += static_cast<double>(std::sqrt(square));
      if (!previous.empty()) alignments += static_cast<double>(product / std::sqrt(square * previous_square));
      pairs += previous.empty() ? 0.0 : 1.0;
      previous = gradient;
    }
    epochs.push_back({norms / static_cast<double>(iterations), alignments / pairs});
  }
  return epochs;
}

// A weight below 1 is known to 3e-8, a difference of two divided by alpha = 0.1 to 6e-7, against gradients whose norm
// is above 0.1 over 277 weights: their norm and angle err by less than 1e-4.
TEST(Trainer, OrderParametersFollowFromTheObservedWeights) {
  const ToyTraining toy;
  auto trainer = toy.trainer();
  const auto path = observed_path(trainer, 4);
  const auto expected = recomputed(path, 0.1, 10);
  const auto& history = trainer.state().history;
  ASSERT_EQ(history.size(), 4U);
  for (std::size_t e = 0; e < 4; ++e) {
    EXPECT_NEAR(history[e].gradient_norm, expected[e].norm, 1e-4);
    EXPECT_NEAR(history[e].gradient_alignment, expected[e].alignment, 1e-4);
  }
}

// The oracle takes the weights as they are; single precision errs by about 1e-6 of the loss.
TEST(Trainer, RecordsLossAndErrorOfBothSetsAfterEachEpoch) {
  const ToyTraining toy;
  auto trainer = toy.trainer();
  for (int epoch = 0; epoch < 3; ++epoch) {
    trainer.run_epoch();
    const auto weights = widen(trainer.state().weights);
    const auto train = plain_evaluation(toy.network, weights, toy.train.set, 0, 103);
    const auto test = plain_evaluation(toy.network, weights, toy.test.set, 0, 40);
    const auto& record = trainer.state().history.back();
    EXPECT_NEAR(record.train_loss, static_cast<double>(train.loss) / 103, 2e-6);
    EXPECT_NEAR(record.test_loss, static_cast<double>(test.loss) / 40, 2e-6);
    EXPECT_DOUBLE_EQ(record.train_error, train.errors / 103.0);
    EXPECT_DOUBLE_EQ(record.test_error, test.errors / 40.0);
    EXPECT_EQ(trainer.state().epoch, epoch + 1);
  }
}

TEST(Trainer, LearnsWhatCanBeLearnt) {
  const ToyTraining toy;
  auto trainer = toy.trainer();
  for (int epoch = 0; epoch < 60; ++epoch) trainer.run_epoch();
  const auto& history = trainer.state().history;
  EXPECT_LT(history.back().train_loss, 0.1 * history.front().train_loss);
  EXPECT_EQ(history.back().train_error, 0.0);
}

TEST(Trainer, TellsTheLossOfItsLastMinibatch) {
  ToyTraining toy;
  toy.options.batch_size = 103;  // the whole set, so that its order does not matter
  auto trainer = toy.trainer();
  const auto exact = plain_evaluation(toy.network, widen(trainer.state().weights), toy.train.set, 0, 103).loss;
  trainer.run_steps();
  EXPECT_NEAR(trainer.last_loss(), static_cast<double>(exact), 1e-6 * static_cast<double>(exact));
}

TEST(Trainer, ShowsItsObserverEveryIteration) {
  const ToyTraining toy;
  auto trainer = toy.trainer();
  EXPECT_EQ(trainer.iterations_per_epoch(), 10);
  const auto path = observed_path(trainer, 2);
  ASSERT_EQ(path.size(), 21U);
  for (std::size_t t = 1; t < path.size(); ++t) EXPECT_NE(path[t], path[t - 1]);
  EXPECT_EQ(path.back(), widen(trainer.state().weights));
}

TEST(Trainer, ReplayOfStepsAloneGivesTheSameWeights) {
  const ToyTraining toy;
  auto epochs = toy.trainer();
  auto steps = toy.trainer();
  for (int i = 0; i < 3; ++i) {
    epochs.run_epoch();
    const auto record = steps.run_steps();
    EXPECT_EQ(steps.state().weights, epochs.state().weights);
    EXPECT_EQ(record.gradient_norm, epochs.state().history.back().gradient_norm);
    EXPECT_EQ(record.gradient_alignment, epochs.state().history.back().gradient_alignment);
  }
  EXPECT_EQ(steps.state().epoch, 3);
  EXPECT_TRUE(steps.state().history.empty());
}

TEST(Trainer, DependsOnItsSeedAndScheme) {
  ToyTraining toy;
  const auto weights_after = [&] {
    auto trainer = toy.trainer();
    trainer.run_epoch();
    return trainer.state().weights;
  };
  const auto first = weights_after();
  EXPECT_EQ(weights_after(), first);
  toy.options.seed = 2;
  EXPECT_NE(weights_after(), first);
  toy.options.seed = 1;
  toy.options.sampling = Sampling::with_replacement;
  EXPECT_NE(weights_after(), first);
}

// The step overflows single precision in the second layer of the next forward pass.
TEST(Trainer, StopsWhereTheLossIsNoLongerFinite) {
  ToyTraining toy;
  toy.options.optimizer.learning_rate = 1e30;
  auto trainer = toy.trainer();
  int observed = 0;
  trainer.run_epoch([&](auto) { ++observed; });
  EXPECT_TRUE(trainer.state().diverged);
  EXPECT_LT(observed, 10);
  const auto epoch = trainer.state().epoch;
  trainer.run_epoch([&](auto) { ADD_FAILURE() << "a step after divergence"; });
  EXPECT_EQ(trainer.state().epoch, epoch);
  EXPECT_EQ(trainer.state().history.size(), static_cast<std::size_t>(epoch));
}

TEST(Trainer, RefusesAMinibatchLargerThanTheSet) {
  ToyTraining toy;
  toy.options.batch_size = 104;
  EXPECT_THROW((void)toy.trainer(), ConfigError);
}

}  // namespace
}  // namespace flatsweep::trainer_test
