#include "study/landscape/landscape_summary.hpp"

#include "flatsweep/analysis/psi.hpp"
#include "study/landscape/learning_dimension_tree.hpp"
#include "study/landscape/pca_analysis.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace flatsweep::landscape_summary_test {
namespace {

using testing::ElementsAre;

/// Results of one layer of a width scan, every number another. Of width 20 the second seed diverged and the third one
/// failed; both left numbers behind that would be seen in any mean.
struct Seeds {
  Config config;
  std::vector<WorkUnit> units;
  std::vector<UnitResult> results;

  Seeds() {
    config.pca.layers = {"fc2"};
    config.grid.width = {10, 20};
    config.grid.seed = {1, 2, 3};
    config.dynamics.enabled = config.nulls.enabled = false;
    units = group_into_units(expand_grid(config));
    for (const auto& unit : units) results.push_back(result_of(unit.replica));
  }

  static UnitResult result_of(const Replica& replica) {
    UnitResult result;
    const double number = static_cast<double>(replica.seed * replica.seed) + (replica.width == 20 ? 100.0 : 0.0);
    result.status = replica.width == 20 && replica.seed == 2   ? UnitStatus::diverged
                    : replica.width == 20 && replica.seed == 3 ? UnitStatus::failed
                                                               : UnitStatus::done;
    result.train_loss = 1.0 + number;
    result.train_error = 0.001 * number;
    result.test_loss = 2.0 + number;
    result.test_error = 0.002 * number;
    if (result.status != UnitStatus::done) return result;
    PcaResult layer;
    layer.weights = replica.width * replica.width;
    layer.iterations = 100;
    layer.solution_alignment = 0.003 * number;
    layer.learning_dimension = 10 + static_cast<std::int64_t>(number);
    layer.learning_dimension_without_first = 20 + static_cast<std::int64_t>(number);
    result.layers.emplace_back().set(layer);
    return result;
  }

  [[nodiscard]] std::vector<GridPointSummary> points() const { return summarise(config, units, results, 60000); }
};

// Seeds 1, 2, 3 have the numbers 1, 4, 9: mean 14/3, deviation sqrt(49/3).
TEST(Summary, TakesMeansOverTheSeedsThatAreDone) {
  const auto points = Seeds().points();
  ASSERT_EQ(points.size(), 2U);
  EXPECT_EQ(points[0].replicas, 3);
  EXPECT_NEAR(points[0].train_loss, 1.0 + 14.0 / 3.0, 1e-12);
  EXPECT_NEAR(points[0].train_error, 0.014 / 3.0, 1e-15);
  EXPECT_NEAR(points[0].test_error, 0.028 / 3.0, 1e-15);
  EXPECT_NEAR(points[0].test_error_std, 0.002 * std::sqrt(49.0 / 3.0), 1e-15);
  EXPECT_NEAR(pooled<PcaSummary>(points[0]).solution_alignment, 0.014, 1e-15);
  EXPECT_NEAR(pooled<PcaSummary>(points[0]).learning_dimension, 10.0 + 14.0 / 3.0, 1e-12);
  EXPECT_NEAR(pooled<PcaSummary>(points[0]).learning_dimension_without_first, 20.0 + 14.0 / 3.0, 1e-12);
  EXPECT_EQ(points[1].replicas, 1);
  EXPECT_EQ(points[1].point.width, 20);
  EXPECT_NEAR(points[1].train_loss, 102.0, 1e-12);
  EXPECT_NEAR(points[1].test_error, 0.202, 1e-15);
  EXPECT_TRUE(std::isnan(points[1].test_error_std));
}

TEST(Summary, HasNoMeansWhereNoSeedIsDone) {
  Seeds seeds;
  for (auto& result : seeds.results) result.status = UnitStatus::diverged;
  for (const auto& point : seeds.points()) {
    EXPECT_EQ(point.replicas, 0);
    for (const double number :
         {point.train_loss, point.train_error, point.test_error, pooled<PcaSummary>(point).solution_alignment,
          pooled<PcaSummary>(point).learning_dimension, pooled<PsiFit>(point).all.value})
      EXPECT_TRUE(std::isnan(number));
  }
}

TEST(Summary, CountsWhatIsUnsolvedAndShowsItsErrorsWhereNothingIsDone) {
  Seeds seeds;
  seeds.results[2].status = UnitStatus::unsolved;  // width 10, seed 3
  for (std::size_t i = 3; i < 6; ++i) seeds.results[i].status = UnitStatus::unsolved;
  const auto points = seeds.points();
  EXPECT_EQ(points[0].replicas, 2);
  EXPECT_EQ(points[0].unsolved, 1);
  EXPECT_NEAR(points[0].test_error, 0.002 * 2.5, 1e-15) << "of the seeds that are done";
  EXPECT_EQ(points[1].replicas, 0);
  EXPECT_EQ(points[1].unsolved, 3);
  EXPECT_NEAR(points[1].test_error, 0.002 * (100.0 + 14.0 / 3.0), 1e-14);
  EXPECT_TRUE(std::isnan(pooled<PcaSummary>(points[1]).learning_dimension));
}

std::vector<double> numbers(const Group& group, const std::string& name) {
  const auto values = group.dataset(name).values<double>();
  return {values.begin(), values.end()};
}

TEST(Summary, TableByWidthAndSeedHasHolesWhereAReplicaIsNotDone) {
  const Seeds seeds;
  const auto tree = learning_dimension_tree(seeds.units, seeds.results, 0);
  for (const auto& [suffix, base] : {std::pair{"", 10.0}, std::pair{"_without_first", 20.0}}) {
    const auto table = numbers(tree, std::string("learning_dimension") + suffix);
    EXPECT_THAT((std::vector<double>{table.begin(), table.begin() + 4}),
                ElementsAre(base + 1, base + 4, base + 9, base + 101));
    EXPECT_TRUE(std::isnan(table[4]) && std::isnan(table[5]));
    EXPECT_NEAR(numbers(tree, std::string("mean") + suffix)[0], base + 14.0 / 3.0, 1e-12);
    EXPECT_NEAR(numbers(tree, std::string("mean") + suffix)[1], base + 101.0, 1e-12);
    EXPECT_NEAR(numbers(tree, std::string("std") + suffix)[0], std::sqrt(49.0 / 3.0), 1e-12);
    EXPECT_TRUE(std::isnan(numbers(tree, std::string("std") + suffix)[1]));
  }
  EXPECT_THAT(numbers(tree, "weights"), ElementsAre(100.0, 400.0));
}

}  // namespace
}  // namespace flatsweep::landscape_summary_test
