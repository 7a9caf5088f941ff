#include "study/plan/unit_progress.hpp"

#include "flatsweep/study/plan/cost.hpp"

#include <gtest/gtest.h>

namespace flatsweep {
namespace {

const DatasetShape data{1000, 200, {1, 28, 28}};

Config one_layer() {
  Config config;
  config.pca.layers = {"fc2"};
  config.window.epoch = 30;
  config.window.epochs = 10;
  return config;
}

Replica replica_of(const Config& config) { return expand_grid(config).front(); }

TEST(UnitProgress, WeighsStagesByWhatTheyAreExpectedToTake) {
  const auto config = one_layer();
  const auto replica = replica_of(config);
  const auto cost = estimate_cost(config, replica, data, 1.0);
  UnitProgress progress(config, replica, data);
  EXPECT_NEAR(progress.at("training", 0.5), 0.5 * cost.training_seconds / cost.seconds(), 1e-12);
  EXPECT_NEAR(progress.at("window", 1.0), cost.training_seconds / cost.seconds(), 1e-12);
  EXPECT_NEAR(progress.at("flatness fc2", 0.5),
              (cost.training_seconds + cost.pca_seconds + 0.5 * cost.flatness_seconds) / cost.seconds(), 1e-12);
  EXPECT_NEAR(progress.at("nulls fc2", 1.0), 1.0, 1e-12);
}

TEST(UnitProgress, NeverFallsAndKnowsNothingOfOtherWords) {
  const auto config = one_layer();
  UnitProgress progress(config, replica_of(config), data);
  const double reached = progress.at("flatness fc2", 1.0);
  EXPECT_EQ(progress.at("window again", 0.0), reached);
  EXPECT_EQ(progress.at("pooled pca fc2, pass 3", 0.9), reached);
  EXPECT_EQ(progress.at("", 0.0), reached);
}

TEST(UnitProgress, CountsThePathsOfContinualLearning) {
  auto config = one_layer();
  config.study = Study::continual;
  config.continual.methods = {ConstraintKind::none, ConstraintKind::l2};
  UnitProgress progress(config, replica_of(config), data);
  const double first = progress.at("path-000000 none", 1.0);
  EXPECT_GT(first, 0.0);
  EXPECT_NEAR(progress.at("path-000001 l2", 1.0), 1.0, 1e-12);
  EXPECT_LT(first, 1.0);
}

}  // namespace
}  // namespace flatsweep
