#include "flatsweep/analysis/moving.hpp"

#include "flatsweep/analysis/pca.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/base/random.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <memory>

namespace flatsweep::moving_test {
namespace {

// A weight of 0.75 lies 2^-24 from the next number of single precision, one of 3 lies 2^-22.
TEST(Rounding, IsTheWalkOfHalfAUnitInTheLastPlace) {
  const Eigen::VectorXd mean{{0.75, -3.0}};
  const Eigen::MatrixXd directions{{1.0, 0.6}, {0.0, 0.8}};
  const double first = std::pow(2.0, -48) / 12.0, second = std::pow(2.0, -44) / 12.0;
  const auto bounds = rounding_bounds(mean, 100, 0.0, directions);
  EXPECT_NEAR(bounds(0) / (10.0 * first * 9999.0 / 600.0), 1.0, 1e-12);
  EXPECT_NEAR(bounds(1) / (10.0 * (0.36 * first + 0.64 * second) * 9999.0 / 600.0), 1.0, 1e-12);
}

TEST(Rounding, IsNotBelowThatOfTheEigensolver) {
  constexpr double eps = std::numeric_limits<double>::epsilon();
  const Eigen::MatrixXd direction = Eigen::MatrixXd::Identity(500, 1);
  EXPECT_EQ(rounding_bounds(Eigen::VectorXd::Zero(500), 1000, 2.0, direction)(0), 500.0 * eps * 2.0);
  EXPECT_EQ(rounding_bounds(Eigen::VectorXd::Zero(500), 100, 2.0, direction)(0), 100.0 * eps * 2.0);
}

TEST(CountMoving, CountsWhatComesBeforeTheFirstThatStandsStill) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Eigen::VectorXd bounds{{1e-13, 1e-13, 1e-12, 1e-12, 1e-16}};
  EXPECT_EQ(count_moving(Eigen::VectorXd{{1.0, 1e-3, 2e-12, 1e-12, 1e-12}}, bounds), 3);
  EXPECT_EQ(count_moving(Eigen::VectorXd{{1.0, 1e-3, nan, nan, nan}}, bounds), 2);
  EXPECT_EQ(count_moving(Eigen::VectorXd{{1.0, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7}}, bounds), 5);
  EXPECT_EQ(count_moving(Eigen::VectorXd{{0.0, 0.0}}, Eigen::VectorXd{{0.0, 0.0}}), 0);
}

TEST(RoundingLevel, LiesBetweenWhatMovesAndWhatDoesNot) {
  const Eigen::VectorXd variance{{1.0, 1e-3, 2e-12, 1e-12, 0.0}};
  for (const double third : {1e-12, 3e-12, 1.0})
    for (const int moving : {0, 1, 2, 3, 4}) {
      const Eigen::VectorXd bounds{{2.0, 0.1, third, 1.1e-12, 1e-13}};
      const double level = rounding_level(variance, bounds, moving);
      for (int i = 0; i < moving; ++i) EXPECT_GT(variance(i), level) << moving;
      for (int i = moving; i < 5; ++i)
        if (variance(i) <= bounds(moving)) {
          EXPECT_LE(variance(i), level) << moving;
        }
    }
  EXPECT_EQ(rounding_level({}, {}, 0), 0.0);
}

/// Weights around 0.6 that take normal steps of `step`, by additions in single precision, and some that stand still.
RowMatrixF steps(Index iterations, Index moving, Index still, double step) {
  Random random(3, RandomPurpose::simulation);
  RowMatrixF rows = RowMatrixF::Constant(iterations, moving + still, 0.6F);
  for (Index t = 1; t < iterations; ++t)
    for (Index i = 0; i < moving; ++i) rows(t, i) = rows(t - 1, i) + static_cast<float>(step * random.normal());
  return rows;
}

// What rounding alone does: the difference between steps added up in single and in double precision. Its variance is
// a tenth of the bound, for walks of many steps and weights.
TEST(Rounding, OfAdditionsInSinglePrecisionIsATenthOfTheBound) {
  constexpr Index iterations = 2000, size = 400;
  Random random(4, RandomPurpose::simulation);
  Eigen::VectorXf single = Eigen::VectorXf::Constant(size, 0.6F);
  Eigen::VectorXd exact = single.cast<double>();
  Eigen::MatrixXd difference(iterations, size);
  for (Index t = 0; t < iterations; ++t) {
    for (Index i = 0; i < size; ++i) {
      const auto step = static_cast<float>(1e-5 * random.normal());
      single(i) += step;
      exact(i) += static_cast<double>(step);
    }
    difference.row(t) = (single.cast<double>() - exact).transpose();
  }
  difference.rowwise() -= difference.colwise().mean().eval();
  const double found = difference.squaredNorm() / static_cast<double>(iterations * size);
  // 400 walks, each with a variance that is right to a factor of 0.9 or so: 5 %, four of them.
  const Eigen::MatrixXd evenly = Eigen::MatrixXd::Constant(size, 1, 1.0 / std::sqrt(static_cast<double>(size)));
  EXPECT_NEAR(found / (0.1 * rounding_bounds(exact, iterations, 0.0, evenly)(0)), 1.0, 0.2);
}

TEST(Pca, CountsTheDirectionsThatMove) {
  const auto world = Communicator::world();
  const auto rows = std::make_shared<const RowMatrixF>(steps(500, 30, 12, 1e-4));
  const auto pca = principal_components(world, in_memory(rows));
  EXPECT_EQ(pca.moving, 30);
  EXPECT_GT(pca.variance(29), pca.rounding);
  EXPECT_LE(pca.variance(30), pca.rounding);
}

}  // namespace
}  // namespace flatsweep::moving_test
