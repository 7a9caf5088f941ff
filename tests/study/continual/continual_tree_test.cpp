#include "study/continual/continual_tree.hpp"

#include "study/continual/constraints_tree.hpp"
#include "study/continual/continual_summary.hpp"
#include "study/noise/noise.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace flatsweep::continual_tree_test {
namespace {

using testing::DoubleEq;
using testing::ElementsAre;

/// A point of two tasks after `epochs` epochs whose errors at the end are given.
PointCurves point(double strength, double first, double second, std::size_t epochs = 2) {
  PointCurves curves;
  curves.strength = strength;
  curves.lambda = 10.0 * strength;
  curves.test.assign(epochs + 1, {{0.1, 0.01}, {2.0, 0.9}});
  curves.test.back() = {{0.2, first}, {0.3, second}};
  curves.train = {{0.11, 0.012}, {0.21, 0.022}};
  curves.displacement = 0.5;
  return curves;
}

TEST(PointsTree, ReadsBackToItself) {
  auto diverged = point(3.0, 0.2, 0.4);
  diverged.diverged = true;
  diverged.test[2][1] = {NAN, NAN};
  const auto back = points_from_tree(points_tree({point(1.0, 0.05, 0.1), diverged}));
  ASSERT_EQ(back.size(), 2U);
  EXPECT_EQ(back[0].test.size(), 3U);
  EXPECT_EQ(back[0].test[2][1].error, 0.1);
  EXPECT_EQ(back[0].train[1].loss, 0.21);
  EXPECT_EQ(back[1].lambda, 30.0);
  EXPECT_EQ(back[1].displacement, 0.5);
  EXPECT_TRUE(back[1].diverged && !back[0].diverged);
  EXPECT_TRUE(std::isnan(back[1].test[2][1].loss));
  EXPECT_TRUE(points_from_tree(points_tree({})).empty());
}

TEST(PenaltyTree, ReadsBackToItself) {
  const ModePenalty modes{{4, 3}, {1.0F, 2.0F, 3.0F}, RowMatrixF::Random(2, 3), {0.5, 0.25}};
  const auto first = std::get<ModePenalty>(penalty_from_tree(penalty_tree(modes), modes.block));
  EXPECT_EQ(first.block, modes.block);
  EXPECT_EQ(first.anchor, modes.anchor);
  EXPECT_EQ(first.modes, modes.modes);
  EXPECT_EQ(first.stiffness, modes.stiffness);
  const WeightPenalty weights{{4, 3}, {1.0F, 2.0F, 3.0F}, {0, 2}, {0.5, 0.25}};
  const auto second = std::get<WeightPenalty>(penalty_from_tree(penalty_tree(weights), weights.block));
  EXPECT_EQ(second.weight, weights.weight);
  EXPECT_EQ(second.stiffness, weights.stiffness);
}

TEST(ConstraintsTree, ReadsBackToItself) {
  LayerConstraints constraints;
  constraints.directions = RowMatrixF::Random(2, 5);
  constraints.variance = {3.0, 1.0};
  constraints.fisher = {1, 2, 3, 4, 5};
  const auto tree = constraints_tree("fc2", constraints);
  const auto back = constraints_from_trees(*tree.find_group("constraints/fc2"), modes_tree(constraints));
  EXPECT_EQ(back.directions, constraints.directions);
  EXPECT_EQ(back.variance, constraints.variance);
  EXPECT_EQ(back.fisher, constraints.fisher);
  EXPECT_TRUE(back.flatness.empty() && back.fisher_values.empty());
  EXPECT_EQ(back.fisher_modes.size(), 0);
}

/// Results of some seeds of one grid point.
struct Seeds {
  std::vector<ConstraintPath> paths;
  std::vector<WorkUnit> units;
  std::vector<UnitResult> results;

  Seeds() {
    for (const std::int64_t count : {10, 20, 40}) {
      ConstraintPath path;
      path.choice = {ConstraintKind::ldc, 4.0, count, LeadingMode::in};
      path.trained = "analysed";
      path.held = "analysed";
      path.strengths = {1.0, 2.0};
      paths.push_back(path);
    }
  }
  /// @param errors of both tasks for every path and strength
  void add(const std::vector<std::vector<std::pair<double, double>>>& errors) {
    std::vector<std::vector<PointCurves>> points;
    for (const auto& path : errors) {
      points.emplace_back();
      for (std::size_t i = 0; i < path.size(); ++i)
        points.back().push_back(point(static_cast<double>(i) + 1.0, path[i].first, path[i].second));
    }
    Replica replica;
    replica.id = replica.seed = std::ssize(units);
    units.push_back({replica.id, replica, {replica.id}, 0.0});
    UnitResult result;
    result.status = UnitStatus::done;
    result.curves = *continual_tree({}, paths, points).find_group("continual");
    results.push_back(result);
  }
};

std::vector<double> numbers(const Group& group, const char* name) {
  const auto values = group.dataset(name).values<double>();
  return {values.begin(), values.end()};
}

// Two seeds: means and standard errors |a - b|/2 by hand.
TEST(ContinualSummary, TakesMeansAndStandardErrorsOverSeeds) {
  Seeds seeds;
  seeds.add({{{0.1, 0.3}, {0.2, 0.2}}, {{0.1, 0.1}, {0.0, 0.4}}, {{0.1, 0.1}, {0.3, 0.3}}});
  seeds.add({{{0.3, 0.3}, {0.2, 0.2}}, {{0.1, 0.3}, {0.0, 0.4}}, {{0.1, 0.3}, {0.3, 0.3}}});
  const auto summary = summarise_continual({}, seeds.units, seeds.results, 0);
  const auto& group = *summary.tree.find_group("continual");
  EXPECT_EQ(group.dataset("test_error").shape, (std::vector<std::uint64_t>{6, 2}));
  EXPECT_THAT(numbers(group, "test_error")[0], DoubleEq(0.2));
  EXPECT_THAT(numbers(group, "test_error_se")[0], DoubleEq(0.1));
  EXPECT_THAT(numbers(group, "average_error")[0], DoubleEq(0.25));
  EXPECT_NEAR(numbers(group, "average_error_se")[0], 0.05, 1e-12);
  EXPECT_NEAR(numbers(group, "lambda")[1], 20.0, 1e-12);
  EXPECT_NEAR(numbers(group, "normalised_lambda")[1], 2e5, 1e-7);
  EXPECT_THAT(group.dataset("replicas").values<std::int32_t>(), ElementsAre(2, 2, 2, 2, 2, 2));
}

TEST(ContinualSummary, FindsTheLeastAverageAndTheConstraintsThatAreEnough) {
  Seeds seeds;  // least averages of the three paths: 0.2, 0.0975, 0.09
  seeds.add({{{0.2, 0.2}, {0.5, 0.5}}, {{0.5, 0.5}, {0.1, 0.06}}, {{0.5, 0.5}, {0.08, 0.08}}});
  seeds.add({{{0.2, 0.2}, {0.5, 0.5}}, {{0.5, 0.5}, {0.1, 0.13}}, {{0.5, 0.5}, {0.10, 0.10}}});
  const auto summary = summarise_continual({}, seeds.units, seeds.results, 0);
  const auto& least = *summary.tree.find_group("continual/least");
  EXPECT_THAT(numbers(least, "strength"), ElementsAre(1.0, 2.0, 2.0));
  EXPECT_THAT(numbers(least, "average_error"),
              ElementsAre(DoubleEq(0.2), testing::DoubleNear(0.0975, 1e-12), DoubleEq(0.09)));
  // 0.0975 is within the standard error 0.01 of 0.09.
  EXPECT_THAT(least.dataset("enough_constraints").values<std::int64_t>(), ElementsAre(20, 20, 20));
  ASSERT_EQ(summary.table.size(), 2U) << "one line for the family";
  EXPECT_THAT(summary.table[1], testing::HasSubstr("9.00 +- 1.00"));
}

TEST(ContinualSummary, KeepsWhatHoldsOtherLayersApart) {
  Seeds seeds;
  for (auto& path : seeds.paths) path.choice.count = 10;
  seeds.paths[1].held = "fc1";
  seeds.paths[2].held = "fc2";
  seeds.add({{{0.2, 0.2}, {0.3, 0.3}}, {{0.5, 0.5}, {0.4, 0.4}}, {{0.1, 0.1}, {0.3, 0.3}}});
  const auto summary = summarise_continual({}, seeds.units, seeds.results, 0);
  const auto& group = *summary.tree.find_group("continual");
  EXPECT_THAT(group.dataset("held").strings(), ElementsAre("analysed", "analysed", "fc1", "fc1", "fc2", "fc2"));
  const auto& least = *summary.tree.find_group("continual/least");
  EXPECT_THAT(least.dataset("held").strings(), ElementsAre("analysed", "fc1", "fc2"));
  EXPECT_THAT(numbers(least, "average_error"), ElementsAre(DoubleEq(0.2), DoubleEq(0.4), DoubleEq(0.1)));
  ASSERT_EQ(summary.table.size(), 4U) << "a line for each";
  EXPECT_THAT(summary.table[2], testing::ContainsRegex(" fc1 +10 "));
}

TEST(ContinualSummary, LeavesOutSeedsWhoseLossesWereNotFinite) {
  Seeds seeds;
  seeds.add({{{0.1, 0.1}, {0.2, 0.2}}, {{0.1, 0.1}, {0.2, 0.2}}, {{0.1, 0.1}, {0.2, 0.2}}});
  seeds.add({{{NAN, NAN}, {0.4, 0.2}}, {{0.1, 0.1}, {0.2, 0.2}}, {{0.1, 0.1}, {0.2, 0.2}}});
  const auto summary = summarise_continual({}, seeds.units, seeds.results, 0);
  const auto& group = *summary.tree.find_group("continual");
  EXPECT_EQ(group.dataset("replicas").values<std::int32_t>()[0], 1);
  EXPECT_THAT(numbers(group, "average_error")[0], DoubleEq(0.1));
  EXPECT_TRUE(std::isnan(numbers(group, "average_error_se")[0]));
}

TEST(NoiseSummary, ComparesAtTheEndAndAtEqualTrainingLoss) {
  Config config;
  config.study = Study::noise;
  config.noise.loss_levels = {0.5, 0.1, 0.01};
  std::vector<WorkUnit> units;
  std::vector<UnitResult> results;
  for (const std::int64_t seed : {1, 2}) {
    Replica replica;
    replica.id = replica.seed = seed;
    replica.noise_method = NoiseMethod::gradient_descent;
    units.push_back({seed, replica, {seed}, 0.0});
    UnitResult result;
    result.status = UnitStatus::done;
    const double shift = seed == 1 ? 0.0 : 0.02;
    const std::vector<double> loss = {0.9, 0.4, seed == 1 ? 0.09 : 0.2}, error = {0.5, 0.3 + shift, 0.1 + shift};
    for (const auto& [name, values] : {std::pair{"train_loss", loss}, std::pair{"test_error", error},
                                       std::pair{"test_loss", loss}, std::pair{"train_error", error}})
      result.curves.add(name, std::span<const double>(values), {3}, {"epoch"});
    results.push_back(result);
  }
  const auto summary = summarise_noise(config, units, results, 0);
  const auto& group = *summary.tree.find_group("noise");
  EXPECT_NEAR(numbers(group, "test_error")[0], 0.11, 1e-12);
  EXPECT_NEAR(numbers(group, "test_error_se")[0], 0.01, 1e-12);
  const auto at_loss = numbers(group, "test_error_at_loss");
  EXPECT_NEAR(at_loss[0], 0.31, 1e-12);
  EXPECT_NEAR(at_loss[1], 0.1, 1e-12) << "one seed reaches it";
  EXPECT_TRUE(std::isnan(at_loss[2]));
  EXPECT_THAT(group.dataset("replicas_at_loss").values<std::int32_t>(), ElementsAre(2, 1, 0));
  EXPECT_EQ(numbers(group, "epoch_at_loss")[0], 2.0);
}

}  // namespace
}  // namespace flatsweep::continual_tree_test
