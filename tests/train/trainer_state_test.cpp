#include "flatsweep/base/error.hpp"
#include "flatsweep/train/trainer.hpp"
#include "train/toy_training.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <string>
#include <tuple>

namespace flatsweep::trainer_state_test {
namespace {

std::vector<std::uint64_t> bits(const std::vector<EpochRecord>& history) {
  std::vector<std::uint64_t> all;
  for (const auto& r : history)
    for (const double v :
         {r.train_loss, r.train_error, r.test_loss, r.test_error, r.gradient_norm, r.gradient_alignment})
      all.push_back(std::bit_cast<std::uint64_t>(v));
  return all;
}

void expect_same(const TrainerState& a, const TrainerState& b) {
  EXPECT_EQ(a.epoch, b.epoch);
  EXPECT_EQ(a.weights, b.weights);
  EXPECT_EQ(a.previous_gradient, b.previous_gradient);
  EXPECT_EQ(a.optimizer.steps, b.optimizer.steps);
  EXPECT_EQ(a.optimizer.first, b.optimizer.first);
  EXPECT_EQ(a.optimizer.second, b.optimizer.second);
  EXPECT_EQ(a.diverged, b.diverged);
  EXPECT_EQ(bits(a.history), bits(b.history));
}

class RestartTest : public testing::TestWithParam<std::tuple<OptimizerKind, Sampling>> {
 protected:
  RestartTest() {
    std::tie(toy.options.optimizer.kind, toy.options.sampling) = GetParam();
    if (toy.options.optimizer.kind == OptimizerKind::adam) toy.options.optimizer.learning_rate = 0.01;
  }
  ToyTraining toy;
};

TEST_P(RestartTest, FromASavedStateIsBitwiseTheUnbrokenRun) {
  auto unbroken = toy.trainer();
  for (int i = 0; i < 6; ++i) unbroken.run_epoch();
  auto first = toy.trainer();
  for (int i = 0; i < 2; ++i) first.run_epoch();
  auto second = toy.trainer(TrainerState::from_tree(first.state().to_tree()));
  for (int i = 0; i < 4; ++i) second.run_epoch();
  expect_same(second.state(), unbroken.state());
}

INSTANTIATE_TEST_SUITE_P(Kinds, RestartTest,
                         testing::Combine(testing::Values(OptimizerKind::sgd, OptimizerKind::momentum,
                                                          OptimizerKind::nesterov, OptimizerKind::adam),
                                          testing::Values(Sampling::reshuffle, Sampling::shuffle_once,
                                                          Sampling::fixed_partition, Sampling::with_replacement)),
                         [](const auto& kind) {
                           std::string name = std::string(to_string(std::get<0>(kind.param))) + "_" +
                                              std::string(to_string(std::get<1>(kind.param)));
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST(TrainerState, ReturnsFromItsTreeUnchanged) {
  ToyTraining toy;
  toy.options.optimizer.kind = OptimizerKind::adam;
  auto trainer = toy.trainer();
  expect_same(TrainerState::from_tree(trainer.state().to_tree()), trainer.state());  // before the first iteration
  trainer.run_epoch();
  auto state = trainer.state();
  state.diverged = true;
  expect_same(TrainerState::from_tree(state.to_tree()), state);
}

TEST(TrainerState, RefusesATreeThatLacksANumber) {
  const auto whole = ToyTraining().trainer().state().to_tree();
  for (std::size_t i = 0; i < whole.datasets.size(); ++i) {
    auto tree = whole;
    tree.datasets.erase(tree.datasets.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_THROW((void)TrainerState::from_tree(tree), IoError) << whole.datasets[i].name;
  }
  for (std::size_t i = 0; i < whole.attributes.size(); ++i) {
    auto tree = whole;
    tree.attributes.erase(tree.attributes.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_THROW((void)TrainerState::from_tree(tree), IoError) << whole.attributes[i].name;
  }
}

}  // namespace
}  // namespace flatsweep::trainer_state_test
