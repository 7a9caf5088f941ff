#include "study/landscape/nulls_tree.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace flatsweep::nulls_tree_test {
namespace {

/// Three directions of four weights; every number is its own.
Nulls made_up() {
  Nulls nulls;
  nulls.direction = {0, 1, 3};
  nulls.white_noise_spectrum = Eigen::VectorXd{{4.0, 3.0, 2.0, 1.0}};
  nulls.white_noise_band = {0.5, 4.5};
  return nulls;
}

NoiseWalk made_up_walk() {
  NoiseWalk walk;
  walk.spectrum = Eigen::VectorXd{{0.4, 0.3, 0.2, 0.1}};
  walk.cosine_content = Eigen::VectorXd::Constant(10, 0.5);
  walk.walk_variance = Eigen::VectorXd{{1.0, 2.0, 3.0}};
  walk.fresh_walk_variance = 2.0 * walk.walk_variance;
  walk.noise_variance = 10.0 * walk.walk_variance;
  walk.predicted_variance = 100.0 * walk.walk_variance;
  walk.flat_variance = 1000.0 * walk.walk_variance;
  walk.learning_dimension = 7;
  return walk;
}

DirectionFlatness flat(int direction, double width) {
  DirectionFlatness f;
  f.direction = direction;
  f.left = -0.5 * width;
  f.right = 0.5 * width;
  return f;
}

HeldOut made_up_halves() {
  HeldOut halves;
  halves.direction = {0, 1};
  halves.variance = Eigen::VectorXd{{2.0, 1.0}};
  halves.held_out_variance = Eigen::VectorXd{{0.5, 0.7}};
  halves.flatness = {flat(0, 3.0), flat(1, 5.0)};
  halves.held_out_psi.all.value = 2.1;
  return halves;
}

WindowScan made_up_scan() {
  WindowScan scan;
  scan.length = {50, 100};
  scan.total_variance = {1.0, 2.0};
  scan.learning_dimension = scan.learning_dimension_without_first = {3, 4};
  scan.learning_dimension_null = scan.learning_dimension_null_without_first = {5, 6};
  scan.leading_fraction = Eigen::MatrixXd::Constant(2, 3, 0.25);
  scan.variance = Eigen::MatrixXd{{1.0, 2.0, 3.0}, {4.0, 5.0, 6.0}};
  scan.rounding = {1e-12, 1e-13};
  scan.psi.resize(2);
  scan.psi[0] = {4.0, 3.9, 4.1, 0.0, 30, 1, Interval::within_seeds, FitStatus::ok};
  scan.psi[1].points = 3;
  scan.psi[1].status = FitStatus::too_few_points;
  return scan;
}

std::vector<double> values(const Group& tree, const char* name) {
  const auto numbers = tree.dataset(name).values<double>();
  return {numbers.begin(), numbers.end()};
}

TEST(NullsTree, HoldsEveryNull) {
  auto nulls = made_up();
  nulls.walk = made_up_walk();
  nulls.walk_flatness = {flat(0, 2.0), flat(2, 4.0)};
  nulls.walk_psi.all.value = 4.2;
  nulls.held_out = made_up_halves();
  nulls.scan = made_up_scan();
  auto tree = nulls_tree(nulls);
  EXPECT_NO_THROW(complete_axes(tree));
  const Group& group = tree;
  EXPECT_EQ(group.integer("walk_learning_dimension"), 7);
  EXPECT_EQ(group.real("walk_psi"), 4.2);
  EXPECT_EQ(group.real("white_noise_high"), 4.5);
  EXPECT_EQ(values(tree, "walk_own_variance"), (std::vector<double>{0.4, 0.2}));
  EXPECT_EQ(values(tree, "walk_flatness"), (std::vector<double>{2.0, 4.0}));
  EXPECT_EQ(group.real("held_out_psi"), 2.1);
  EXPECT_EQ(values(tree, "held_out_variance"), (std::vector<double>{0.5, 0.7}));
  EXPECT_EQ(values(tree, "half_flatness"), (std::vector<double>{3.0, 5.0}));
  EXPECT_EQ(values(tree, "scan_variance"), (std::vector<double>{1.0, 2.0, 3.0, 4.0, 5.0, 6.0}));
  EXPECT_EQ(group.dataset("scan_psi_points").values<std::int32_t>()[1], 3);
  EXPECT_EQ(group.dataset("scan_psi_status").strings()[1], "too few points");
  EXPECT_TRUE(std::isnan(values(tree, "scan_psi")[1]));
  EXPECT_EQ(values(tree, "predicted_variance"), (std::vector<double>{100.0, 200.0, 300.0}));
  for (const auto& dataset : group.datasets)
    EXPECT_TRUE(dataset.is_scale() || !dataset.description.empty()) << dataset.name;
}

TEST(NullsTree, LeavesOutWhatWasNotMeasured) {
  auto tree = nulls_tree(made_up());
  EXPECT_NO_THROW(complete_axes(tree));
  const Group& group = tree;
  EXPECT_NE(group.find("white_noise_spectrum"), nullptr);
  EXPECT_EQ(group.find("walk_spectrum"), nullptr);
  EXPECT_EQ(group.find("walk_flatness"), nullptr);
  EXPECT_EQ(group.find("held_out_variance"), nullptr);
  EXPECT_EQ(group.find("scan_length"), nullptr);
}

}  // namespace
}  // namespace flatsweep::nulls_tree_test
