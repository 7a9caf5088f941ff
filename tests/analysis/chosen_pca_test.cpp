#include "../src/analysis/chosen_pca.hpp"

#include "flatsweep/base/index.hpp"
#include "flatsweep/base/random.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>

namespace flatsweep::chosen_pca_test {
namespace {

/// A walk about 0.5 whose steps fall with the weight's number, down to rounding; the last weights stand still.
SnapshotSource walk(const Communicator& team, Index steps, Index size) {
  Random random(steps, RandomPurpose::simulation);
  auto rows = std::make_shared<RowMatrixF>(steps, size);
  Eigen::VectorXd position = Eigen::VectorXd::Constant(size, 0.5);
  for (Index t = 0; t < steps; ++t) {
    for (Index i = 0; i + 5 < size; ++i)
      position(i) += 1e-3 * std::pow(10.0, -6.0 * static_cast<double>(i) / static_cast<double>(size)) * random.normal();
    rows->row(t) = position.cast<float>().transpose();
  }
  return team.is_root() ? in_memory(rows) : SnapshotSource{};
}

/// Against the PCA that computes all directions, which analysis/pca_test has against dense algebra.
void expect_that_of_all(const SnapshotSource& source, const std::vector<int>& wanted, std::size_t count) {
  const auto world = Communicator::world();
  const auto all = principal_components(world, source);
  auto some = chosen_components(world, source, wanted);
  EXPECT_EQ(some.iterations, all.iterations);
  EXPECT_EQ(some.moving, all.moving);
  EXPECT_EQ(some.learning_dimension, all.learning_dimension);
  EXPECT_EQ(some.learning_dimension_without_first, all.learning_dimension_without_first);
  EXPECT_EQ(some.learning_dimension_null, all.learning_dimension_null);
  EXPECT_NEAR(some.total_variance / all.total_variance, 1.0, 1e-12);
  EXPECT_NEAR(some.rounding / all.rounding, 1.0, 1e-2);
  EXPECT_LE((some.variance - all.variance).cwiseAbs().maxCoeff(), 1e-13 * all.variance(0));
  ASSERT_EQ(some.number.size(), count);
  ASSERT_EQ(some.directions.cols(), std::ssize(some.number));
  for (Index i = 0; i < some.directions.cols(); ++i) {
    const auto number = some.number[static_cast<std::size_t>(i)];
    if (number >= 30) continue;  // gaps are too narrow to tell neighbours apart
    EXPECT_NEAR(some.directions.col(i).dot(all.directions.col(number)), 1.0, 1e-9);
  }
}

TEST(ChosenPca, IsPartOfThePcaByTheCovariance) {
  const auto source = walk(Communicator::world(), 900, 150);
  expect_that_of_all(source, {0, 1, 2, 7, 25, 29, 140}, 7);
  expect_that_of_all(source, {}, 0);
}

TEST(ChosenPca, IsPartOfThePcaByTheGramMatrix) {
  const auto source = walk(Communicator::world(), 130, 200);
  expect_that_of_all(source, {0, 1, 2, 7, 25}, 5);
  expect_that_of_all(source, {}, 0);
}

TEST(ChosenPca, ComputesAllWhereManyAreWanted) {
  std::vector<int> wanted;
  for (int i = 0; i < 200; i += 2) wanted.push_back(i);
  expect_that_of_all(walk(Communicator::world(), 900, 150), wanted, 75);
}

TEST(ChosenPca, HasTheCosineContentOfItsLeadingModes) {
  const auto world = Communicator::world();
  const auto source = walk(world, 900, 150);
  const std::vector<int> wanted = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 60};
  auto some = chosen_components(world, source, wanted);
  measure_cosine_content(world, source, some);
  const auto all = principal_components(world, source);
  EXPECT_LE((some.cosine_content - all.cosine_content).cwiseAbs().maxCoeff(), 1e-6);  // single-precision projections
}

}  // namespace
}  // namespace flatsweep::chosen_pca_test
