#include "study/plan/unit_progress.hpp"

#include "flatsweep/study/studies/studies.hpp"

#include <gtest/gtest.h>

namespace flatsweep::unit_progress_test {
namespace {

const DatasetShape data{1000, 200, {1, 28, 28}, 10};

Config one_layer() {
  Config config;
  config.pca.layers = {"fc2"};
  config.window.epoch = 30;
  config.window.epochs = 10;
  return config;
}

Cost cost_of(const Config& config) { return study_of(config).estimate(config, expand_grid(config).front(), data, 1.0); }

double seconds_of(const Cost& cost, const std::string& stage) {
  for (const auto& known : cost.stages)
    if (known.name == stage) return known.seconds;
  ADD_FAILURE() << "there is no stage " << stage;
  return 0.0;
}

TEST(UnitProgress, WeighsStagesByWhatTheyAreExpectedToTake) {
  const auto cost = cost_of(one_layer());
  const double training = seconds_of(cost, "training"), pca = seconds_of(cost, "pca fc2");
  UnitProgress progress(cost);
  EXPECT_NEAR(progress.at("training", 0.5), 0.5 * training / cost.seconds(), 1e-12);
  EXPECT_NEAR(progress.at("window", 1.0), training / cost.seconds(), 1e-12);
  EXPECT_NEAR(progress.at("flatness fc2", 0.5),
              (training + pca + 0.5 * seconds_of(cost, "flatness fc2")) / cost.seconds(), 1e-12);
  EXPECT_NEAR(progress.at("nulls fc2", 1.0), 1.0, 1e-12);
}

TEST(UnitProgress, NeverFallsAndKnowsNothingOfOtherWords) {
  UnitProgress progress(cost_of(one_layer()));
  const double reached = progress.at("flatness fc2", 1.0);
  EXPECT_EQ(progress.at("window again", 0.0), reached);
  EXPECT_EQ(progress.at("pooled pca fc2, pass 3", 0.9), reached);
  EXPECT_EQ(progress.at("", 0.0), reached);
}

TEST(UnitProgress, CountsThePathsOfContinualLearning) {
  auto config = one_layer();
  config.study = Study::continual;
  config.continual.methods = {ConstraintKind::none, ConstraintKind::l2};
  UnitProgress progress(cost_of(config));
  const double first = progress.at("path-000000 none", 1.0);
  EXPECT_GT(first, 0.0);
  EXPECT_NEAR(progress.at("path-000001 l2", 1.0), 1.0, 1e-12);
  EXPECT_LT(first, 1.0);
}

}  // namespace
}  // namespace flatsweep::unit_progress_test
