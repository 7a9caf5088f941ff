#include "flatsweep/train/learning_rate_schedule.hpp"

#include "train/toy_training.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace flatsweep::learning_rate_schedule_test {
namespace {

std::vector<double> factors(const ScheduleOptions& options, std::int64_t epochs) {
  std::vector<double> list;
  for (std::int64_t epoch = 0; epoch < epochs; ++epoch) list.push_back(options.factor(epoch));
  return list;
}

TEST(LearningRateSchedule, IsExactlyOneWithoutOne) {
  const ScheduleOptions none;
  for (const double factor : factors(none, 100)) EXPECT_EQ(factor, 1.0);
  EXPECT_TRUE(none.constant_in(0, 1000));
}

TEST(LearningRateSchedule, WarmsUpInEqualSteps) {
  ScheduleOptions options;
  options.warmup_epochs = 3;
  EXPECT_EQ(factors(options, 5), (std::vector<double>{0.25, 0.5, 0.75, 1.0, 1.0}));
  EXPECT_FALSE(options.constant_in(2, 5));
  EXPECT_TRUE(options.constant_in(3, 50));
}

TEST(LearningRateSchedule, FallsInSteps) {
  ScheduleOptions options;
  options.decay = Decay::steps;
  options.step_epochs = {2, 4};
  options.step_factor = 0.5;
  EXPECT_EQ(factors(options, 6), (std::vector<double>{1.0, 1.0, 0.5, 0.5, 0.25, 0.25}));
  EXPECT_TRUE(options.constant_in(2, 4));
  EXPECT_FALSE(options.constant_in(2, 5));
}

// PyTorch's CosineAnnealingLR(T_max = 8, eta_min = 0.2 lr): eta_min + (lr - eta_min)(1 + cos(pi t/T_max))/2.
TEST(LearningRateSchedule, FallsAlongACosineOrALineToItsEnd) {
  ScheduleOptions options;
  options.decay = Decay::cosine;
  options.warmup_epochs = 2;
  options.decay_ends = 10;
  options.end_factor = 0.2;
  EXPECT_EQ(options.factor(2), 1.0);
  EXPECT_NEAR(options.factor(4), 0.2 + 0.8 * (1.0 + std::sqrt(0.5)) / 2.0, 1e-15);
  EXPECT_NEAR(options.factor(6), 0.6, 1e-15);
  for (const std::int64_t epoch : {10, 11, 50}) EXPECT_NEAR(options.factor(epoch), 0.2, 1e-15);
  EXPECT_TRUE(options.constant_in(10, 20));
  EXPECT_FALSE(options.constant_in(9, 20));
  options.decay = Decay::linear;
  EXPECT_NEAR(options.factor(4), 0.8, 1e-15);
  EXPECT_NEAR(options.factor(9), 0.3, 1e-15);
  EXPECT_NEAR(options.factor(12), 0.2, 1e-15);
}

// An epoch of a schedule is an epoch at that learning rate.
TEST(LearningRateSchedule, TrainsEveryEpochAtItsRate) {
  ToyTraining toy;
  toy.options.schedule.decay = Decay::steps;
  toy.options.schedule.step_epochs = {1, 3};
  toy.options.schedule.step_factor = 0.5;
  auto scheduled = toy.trainer();
  for (int epoch = 0; epoch < 4; ++epoch) scheduled.run_epoch();
  ToyTraining plain;
  auto state = plain.start();
  for (const double rate : {0.1, 0.05, 0.05, 0.025}) {
    plain.options.optimizer.learning_rate = rate;
    auto trainer = plain.trainer(std::move(state));
    trainer.run_epoch();
    state = trainer.state();
  }
  EXPECT_EQ(scheduled.state().weights, state.weights);
}

}  // namespace
}  // namespace flatsweep::learning_rate_schedule_test
