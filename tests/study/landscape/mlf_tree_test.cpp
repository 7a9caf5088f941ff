#include "study/landscape/mlf_tree.hpp"

#include <gtest/gtest.h>

#include <functional>

namespace flatsweep::mlf_tree_test {
namespace {

/// Three directions, one pair kept, two minibatches: M_ij = 10 i + j and so on, told apart by value.
Group small_tree() {
  MlfSamples samples;
  samples.direction = {0, 4, 9};
  samples.batch_size = 50;
  samples.log_loss = {-8.0, -9.0};
  samples.gradient = MlfMatrix{{1, 2}, {3, 4}, {5, 6}};
  samples.m_diagonal = MlfMatrix{{7, 8}, {9, 10}, {11, 12}};
  samples.theta = MlfMatrix{{13, 14}, {15, 16}, {17, 18}};
  samples.theta_newton = samples.theta;
  samples.pairs = {{0, 2}};
  samples.m_off_diagonal = MlfMatrix{{19, 20}};
  samples.m_mean = samples.m_variance = Eigen::MatrixXd{{0, 1, 2}, {1, 11, 12}, {2, 12, 22}};
  samples.mean_loss_curvature = {1.0, 2.0, 3.0};
  const MlfDirections along{samples.direction, {1.0, 2.0, 3.0}, {0.1, 0.2, 0.3}};
  const PsiOptions fit{1, 9, 0.0, 1};
  auto tree = mlf_tree(samples, along, summarise(samples, along, fit), fit);
  complete_axes(tree);
  return tree;
}

TEST(MlfTree, HasTheNamesAndShapesOfTheSchema) {
  const auto tree = small_tree();
  const Group& group = tree;
  using Shape = std::vector<std::uint64_t>;
  EXPECT_EQ(group.dataset("theta").shape, (Shape{3, 2}));
  EXPECT_EQ(group.dataset("m_diagonal").shape, (Shape{3, 2}));
  EXPECT_EQ(group.dataset("m_off_diagonal").shape, (Shape{1, 2}));
  EXPECT_EQ(group.dataset("pairs").shape, (Shape{1, 2}));
  EXPECT_EQ(group.dataset("pairs").values<std::int32_t>()[1], 9);  // a direction, not its row
  EXPECT_EQ(group.dataset("theta").values<double>()[2], 15.0);
  EXPECT_EQ(group.dataset("m_mean").values<double>()[5], 12.0);
  EXPECT_EQ(group.integer("minibatches"), 2);
  EXPECT_EQ(group.real("theta_1_mean"), 13.5);
  EXPECT_EQ(group.find_group("closure")->dataset("weighted").values<double>()[2], 3.0);
  EXPECT_EQ(group.find_group("correlations/m_ii_m_jj")->dataset("pearson").shape, Shape{1});
}

TEST(MlfTree, DescribesEveryDataSet) {
  const std::function<void(const Group&)> look = [&](const Group& group) {
    for (const auto& dataset : group.datasets) {
      EXPECT_TRUE(!dataset.description.empty() || is_index_scale(dataset)) << group.name << '/' << dataset.name;
    }
    for (const auto& below : group.groups) look(below);
  };
  look(small_tree());
}

}  // namespace
}  // namespace flatsweep::mlf_tree_test
