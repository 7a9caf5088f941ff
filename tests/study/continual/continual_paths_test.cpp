#include "flatsweep/base/error.hpp"
#include "flatsweep/study/continual/continual.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace flatsweep::continual_paths_test {
namespace {

using testing::ElementsAre;

ContinualConfig some_axes() {
  ContinualConfig config;
  config.methods = {ConstraintKind::none, ConstraintKind::l2, ConstraintKind::ldc, ConstraintKind::ewc};
  config.psi = {3.0, 4.0};
  config.constraints = {10, 100};
  config.first_mode = {LeadingMode::in, LeadingMode::out};
  config.strength = {1.0, 2.0, 3.0};
  return config;
}

TEST(ConstraintPaths, TakeOfTheAxesWhatTheirMethodUses) {
  const auto paths = constraint_paths(some_axes());
  // none and l2 once; ldc by psi, N_c and first mode; ewc by N_c.
  ASSERT_EQ(paths.size(), 1U + 1U + 8U + 2U);
  EXPECT_EQ(paths[0].choice.kind, ConstraintKind::none);
  EXPECT_THAT(paths[0].strengths, ElementsAre(0.0));
  EXPECT_EQ(paths[1].choice.kind, ConstraintKind::l2);
  EXPECT_THAT(paths[1].strengths, ElementsAre(1.0, 2.0, 3.0));
  EXPECT_EQ(paths[2].choice.count, 10);
  EXPECT_EQ(paths[3].choice.count, 100);
  EXPECT_EQ(paths[4].choice.psi, 4.0);
  EXPECT_EQ(paths[6].choice.first_mode, LeadingMode::out);
  EXPECT_EQ(paths[11].choice.kind, ConstraintKind::ewc);
  EXPECT_EQ(paths[11].choice.count, 100);
}

TEST(ConstraintPaths, KeepPathsOfOneSetOfTrainedLayersTogether) {
  auto config = some_axes();
  config.trained = {"analysed", "all"};
  config.biases = {Biases::held, Biases::free};
  const auto paths = constraint_paths(config);
  ASSERT_EQ(paths.size(), 48U);
  for (std::size_t i = 0; i < paths.size(); ++i) {
    EXPECT_EQ(paths[i].trained, i < 24 ? "analysed" : "all");
    EXPECT_EQ(paths[i].biases, i % 24 < 12 ? Biases::held : Biases::free);
  }
}

TEST(ConstraintPaths, HoldWhatIsListedAndNothingWithoutAPenalty) {
  auto config = some_axes();
  config.methods = {ConstraintKind::none, ConstraintKind::ewc};
  config.constraints = {10};
  config.held = {"analysed", "fc1+fc2"};
  const auto paths = constraint_paths(config);
  ASSERT_EQ(paths.size(), 3U);
  EXPECT_EQ(paths[0].held, "none");
  EXPECT_EQ(paths[1].held, "analysed");
  EXPECT_EQ(paths[2].held, "fc1+fc2");
}

Config reference() {
  Config config;
  config.study = Study::continual;
  return config;
}

TEST(TrainedLayers, AreTheAnalysedAllOrThoseThatAreNamed) {
  const auto network = multilayer_perceptron(20, 2, 8, 10);
  const auto config = reference();
  EXPECT_THAT(trained_layers("analysed", config, network), ElementsAre("fc2"));
  EXPECT_THAT(trained_layers("all", config, network), ElementsAre("fc1", "fc2", "fc3"));
  EXPECT_THAT(trained_layers("fc2+fc3", config, network), ElementsAre("fc2", "fc3"));
  EXPECT_THAT([&] { (void)trained_layers("fc2+fc9", config, network); },
              testing::ThrowsMessage<ConfigError>("there is no layer 'fc9' in this network; it has fc1, fc2, fc3"));
}

TEST(HeldLayers, AreTheAnalysedOrSomeOfThem) {
  auto config = reference();
  config.pca.layers = {"fc1", "fc2", "fc4"};
  EXPECT_THAT(held_layers("analysed", config), ElementsAre(0, 1, 2));
  EXPECT_THAT(held_layers("fc2", config), ElementsAre(1));
  EXPECT_THAT(held_layers("fc4+fc1+fc4", config), ElementsAre(0, 2)) << "in the order of pca.layers, each once";
}

void expect_refused(const std::function<void(Config&)>& change, const std::string& message) {
  auto config = reference();
  change(config);
  const auto replica = expand_grid(config)[0];
  EXPECT_THAT(
      [&] {
        check_continual(config, replica, replica.network({100, 10, {1, 28, 28}, 10}));
      },
      testing::ThrowsMessage<ConfigError>(message));
}

TEST(CheckContinual, AcceptsTheDefaults) {
  const auto replica = expand_grid(reference())[0];
  EXPECT_NO_THROW(check_continual(reference(), replica, replica.network({100, 10, {1, 28, 28}, 10})));
}

TEST(CheckContinual, RefusesWhatCannotBeDone) {
  expect_refused(
      [](Config& c) {
        c.continual.tasks = {{0, 1}};
      },
      "continual.tasks has one task; a second is needed to be learnt after it");
  expect_refused(
      [](Config& c) {
        c.continual.tasks = {{0, 1}, {2, 10}};
      },
      "continual.tasks[1] has class 10, but the data's classes are 0 to 9; take it out");
  expect_refused(
      [](Config& c) { c.train.optimizer.kind = OptimizerKind::adam; },
      "a penalty has no proximal step beside adam; take an optimizer whose steps are linear in the gradients, as sgd");
  expect_refused(
      [](Config& c) {
        c.continual.strength.assign(1000, 1.0);
        c.continual.psi.assign(1000, 4.0);
      },
      "the axes of continual make more than 100000 points; take shorter axes, or several runs");
  expect_refused([](Config& c) { c.continual.trained = {"fc7"}; },
                 "there is no layer 'fc7' in this network; it has fc1, fc2, fc3");
  expect_refused(
      [](Config& c) {
        c.pca.layers = {"fc1", "fc2"};
        c.continual.held = {"analysed", "fc2+fc3"};
      },
      "continual.held has 'fc3', but what is held is analysed; pca.layers has fc1, fc2");
  expect_refused([](Config& c) { c.continual.held = {"all"}; },
                 "continual.held has 'all', but what is held is analysed; pca.layers has fc2");
  expect_refused(
      [](Config& c) {
        c.continual.held.assign(1000, "analysed");
        c.continual.psi.assign(1000, 4.0);
      },
      "the axes of continual make more than 100000 points; take shorter axes, or several runs");
  expect_refused(
      [](Config& c) {
        c.continual.methods = {ConstraintKind::laplace};
        c.pca.layers = {"fc1"};
      },
      "continual.methods has laplace, but the Fisher matrix of fc1 would have 39200 rows; take laplace or the layer "
      "out");
}

}  // namespace
}  // namespace flatsweep::continual_paths_test
