#include "flatsweep/train/task_trainer.hpp"

#include "flatsweep/base/error.hpp"
#include "nn/problems.hpp"
#include "train/toy_training.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

namespace flatsweep::task_trainer_test {
namespace {

using testing::ElementsAre;

const std::vector<std::string> all_layers = {"fc1", "fc2", "fc3"};

/// Training of part of the toy network.
struct Partial {
  explicit Partial(const std::vector<std::string>& layers, Biases biases = Biases::held, std::optional<int> from = {})
      : blocks(trained_blocks(toy.network, layers, biases)),
        inputs(toy.network, toy.start().weights, from.value_or(first_trained_layer(toy.network, blocks)),
               toy.train.set) {}
  [[nodiscard]] TaskTrainer trainer(TrainerState state) const {
    return {toy.network, inputs, toy.options, blocks, {std::move(state)}};
  }
  [[nodiscard]] std::vector<float> train(int epochs, ProximalStep* penalty = nullptr) const {
    auto trainer_ = trainer(toy.start());
    for (int epoch = 0; epoch < epochs; ++epoch) trainer_.run_epoch(penalty);
    return trainer_.points().front().weights;
  }

  ToyTraining toy;
  std::vector<ParameterBlock> blocks;
  LayerInputs inputs;
};

TEST(TrainedBlocks, JoinWhatLiesSideBySide) {
  const ToyTraining toy;  // 20-8-8-5: weights and biases of 160 + 8, 64 + 8, 40 + 5
  EXPECT_THAT(trained_blocks(toy.network, all_layers, Biases::free), ElementsAre(ParameterBlock{0, 285}));
  EXPECT_THAT(trained_blocks(toy.network, {"fc3", "fc1"}, Biases::held),
              ElementsAre(ParameterBlock{0, 160}, ParameterBlock{240, 40}));
  EXPECT_THAT(trained_blocks(toy.network, {"fc2"}, Biases::free), ElementsAre(ParameterBlock{168, 72}));
  EXPECT_THROW((void)trained_blocks(toy.network, {"fc9"}, Biases::free), ConfigError);
}

TEST(TrainedBlocks, KnowTheirFirstLayer) {
  const ToyTraining toy;
  const auto first = [&](const std::vector<std::string>& layers) {
    return first_trained_layer(toy.network, trained_blocks(toy.network, layers, Biases::held));
  };
  EXPECT_EQ(first({"fc3", "fc2"}), 1);
  EXPECT_EQ(first({"fc3"}), 2);
  EXPECT_EQ(first(all_layers), 0);
}

TEST(TaskTrainer, OfTheWholeNetworkMakesTheTrainersStepsBitForBit) {
  for (const auto kind : {OptimizerKind::sgd, OptimizerKind::momentum, OptimizerKind::nesterov}) {
    Partial whole(all_layers, Biases::free);
    whole.toy.options.optimizer.kind = kind;
    auto plain = whole.toy.trainer();
    for (int epoch = 0; epoch < 5; ++epoch) (void)plain.run_steps();
    EXPECT_EQ(whole.train(5), plain.state().weights);
  }
}

TEST(TaskTrainer, LeavesWhatIsHeldUntouched) {
  const Partial part({"fc2"});
  const auto start = part.toy.start().weights, end = part.train(3);
  const auto& layer = part.toy.network.layers[1];
  for (std::size_t j = 0; j < start.size(); ++j) {
    const bool held = j < layer.weights || j >= layer.weights + layer.size();
    EXPECT_TRUE(!held || end[j] == start[j]) << j;
  }
  EXPECT_NE(end, start);
}

/// Largest difference of weights that were trained from the held layers' outputs or from the images.
double difference_from_images(const Network& network, const ToyImages& images, const std::vector<std::string>& layers) {
  TrainerState state;
  state.weights = initial_weights(network, 1, Initialisation::plain);
  const auto blocks = trained_blocks(network, layers, Biases::held);
  const TrainerOptions options{10, Sampling::reshuffle, 1, {}};
  const LayerInputs cached(network, state.weights, first_trained_layer(network, blocks), images.set);
  const LayerInputs from_images(network, state.weights, 0, images.set);
  TaskTrainer fast(network, cached, options, blocks, {state}), slow(network, from_images, options, blocks, {state});
  for (int epoch = 0; epoch < 2; ++epoch) {
    fast.run_epoch(nullptr);
    slow.run_epoch(nullptr);
  }
  double largest = 0.0;
  for (std::size_t j = 0; j < state.weights.size(); ++j)
    largest =
        std::max(largest, std::abs(static_cast<double>(fast.points()[0].weights[j]) - slow.points()[0].weights[j]));
  return largest;
}

// The sums of the held layers are the same up to single-precision rounding, which twenty steps hardly amplify.
TEST(TaskTrainer, HeldLayersMayBeRunOnceForAll) {
  const ToyImages flat(103, 20, 5, 2), images(60, 99, 4, 2, 80.0);
  EXPECT_LT(difference_from_images(multilayer_perceptron(20, 2, 8, 5), flat, {"fc2"}), 1e-6);
  const auto network = convolutional({1, 9, 11}, {"conv 4 kernel 3 padding 1", "pool 2", "conv 3 kernel 3", "fc 6"}, 4);
  for (const auto* layer : {"conv2", "fc1", "fc2"})
    EXPECT_LT(difference_from_images(network, images, {layer}), 1e-6) << layer;
}

TEST(TaskTrainer, EvaluatesFromTheHeldLayersOutputs) {
  const Partial part({"fc2"});
  const auto weights = part.train(3);
  NetworkExecutor executor(part.toy.network, 32, Direction::forward_only);
  const auto found = evaluate(executor, weights, part.inputs);
  const auto plain = plain_evaluation(part.toy.network, widen(weights), part.toy.train.set, 0, 103);
  EXPECT_NEAR(found.loss, static_cast<double>(plain.loss) / 103, 2e-6);
  EXPECT_DOUBLE_EQ(found.error, plain.errors / 103.0);
}

/// Holds on to some weights of fc2.
ProximalStep hold(const ToyTraining& toy, std::vector<double> lambdas, const std::vector<std::uint32_t>& held) {
  const auto& layer = toy.network.layers[1];
  const auto start = toy.start().weights;
  const auto first = start.begin() + static_cast<std::ptrdiff_t>(layer.weights);
  const std::vector<double> stiffness(held.size(), 1.0);
  const std::vector<Penalty> penalties = {
      WeightPenalty{layer.weight_block(), {first, first + std::ssize(layer)}, held, stiffness}};
  return {penalties, std::move(lambdas), toy.options.optimizer.learning_rate};
}

TEST(TaskTrainer, WithoutConstraintsIsPlainFineTuningBitForBit) {
  const Partial part({"fc2"});
  auto nothing = hold(part.toy, {1e6}, {});
  EXPECT_EQ(part.train(4, &nothing), part.train(4));
}

/// Weights of fc2 in the order in which plain training moves them, from far to not at all (behind dead units).
std::vector<std::uint32_t> moving_most(const Partial& part) {
  const auto start = part.toy.start().weights, end = part.train(4);
  std::vector<std::uint32_t> weights(part.blocks[0].size);
  std::iota(weights.begin(), weights.end(), 0U);
  const auto distance = [&](std::uint32_t j) { return std::abs(end[168 + j] - start[168 + j]); };
  std::ranges::sort(weights, std::greater{}, distance);
  EXPECT_GT(distance(weights[2]), 1e-3);
  return weights;
}

// 2 alpha lambda = 2e6: a weight moves by half a millionth of its step.
TEST(TaskTrainer, HoldsOnToWhatIsConstrained) {
  const Partial part({"fc2"});
  const auto moving = moving_most(part);
  auto penalty = hold(part.toy, {1e7}, {std::min(moving[0], moving[1]), std::max(moving[0], moving[1])});
  const auto held = part.train(4, &penalty), start = part.toy.start().weights;
  for (const auto j : {moving[0], moving[1]}) EXPECT_LT(std::abs(held[168 + j] - start[168 + j]), 1e-6) << j;
  EXPECT_GT(std::abs(held[168 + moving[2]] - start[168 + moving[2]]), 1e-3);
}

TEST(TaskTrainer, GoesOnFromItsStateBitForBit) {
  Partial part({"fc2", "fc3"}, Biases::free);
  part.toy.options.optimizer.kind = OptimizerKind::momentum;
  auto penalty = hold(part.toy, {3.0}, {1, 2, 3});
  auto first = part.trainer(part.toy.start());
  for (int epoch = 0; epoch < 3; ++epoch) first.run_epoch(&penalty);
  auto second = part.trainer(TrainerState::from_tree(first.points().front().to_tree()));
  for (int epoch = 0; epoch < 3; ++epoch) second.run_epoch(&penalty);
  EXPECT_EQ(second.points().front().weights, part.train(6, &penalty));
}

TEST(TaskTrainer, ShowsItsObserverTheWeightsBehindThePenalty) {
  const Partial part({"fc2"});
  const auto moving = moving_most(part)[0];
  auto penalty = hold(part.toy, {1e12}, {moving});
  auto trainer = part.trainer(part.toy.start());
  const auto start = part.toy.start().weights;
  int steps = 0;
  trainer.run_epoch(&penalty, [&](std::size_t point, std::span<const float> weights) {
    EXPECT_EQ(point, 0U);
    EXPECT_NEAR(weights[168 + moving], start[168 + moving], 1e-7);
    ++steps;
  });
  EXPECT_EQ(steps, trainer.iterations_per_epoch());
}

TEST(TaskTrainer, StopsWhereTheLossIsNoLongerFinite) {
  Partial part({"fc2", "fc3"});
  part.toy.options.optimizer.learning_rate = 1e30;
  auto trainer = part.trainer(part.toy.start());
  trainer.run_epoch(nullptr);
  EXPECT_TRUE(trainer.all_diverged());
}

// Each its own weights and strength; momentum, whose state is each point's own. One is where no loss is finite.
TEST(TaskTrainer, MakesTheStepsOfEachPointWithoutLookingAtTheOthers) {
  Partial part({"fc2", "fc3"}, Biases::free);
  part.toy.options.optimizer.kind = OptimizerKind::momentum;
  const std::vector<double> lambdas = {3.0, 1.0, 0.0, 1e4};
  auto bad = part.toy.start();
  bad.weights[part.blocks[0].offset] = std::numeric_limits<float>::infinity();
  auto other = part.toy.start();
  for (auto& w : other.weights) w *= 0.9F;
  const std::vector<TrainerState> starts = {part.toy.start(), bad, other, part.toy.start()};
  TaskTrainer together(part.toy.network, part.inputs, part.toy.options, part.blocks, starts);
  auto penalty = hold(part.toy, lambdas, {1, 2, 3});
  for (int epoch = 0; epoch < 3; ++epoch) together.run_epoch(&penalty);
  for (const std::size_t i : {0U, 2U, 3U}) {
    auto alone = part.trainer(starts[i]);
    auto own = hold(part.toy, {lambdas[i]}, {1, 2, 3});
    for (int epoch = 0; epoch < 3; ++epoch) alone.run_epoch(&own);
    EXPECT_EQ(together.points()[i].weights, alone.points().front().weights) << i;
    EXPECT_FALSE(together.points()[i].diverged) << i;
  }
  EXPECT_TRUE(together.points()[1].diverged);
  EXPECT_FALSE(together.all_diverged());
  EXPECT_EQ(together.epoch(), 3);
}

}  // namespace
}  // namespace flatsweep::task_trainer_test
