#include "flatsweep/analysis/filters.hpp"

#include "base/thrown.hpp"
#include "flatsweep/analysis/moving.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/base/random.hpp"
#include "flatsweep/linalg/orthonormal_basis.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace flatsweep::filters_test {
namespace {

Eigen::MatrixXd random_matrix(Index rows, Index columns, std::int64_t seed) {
  Random random(seed, RandomPurpose::simulation);
  return Eigen::MatrixXd::NullaryExpr(rows, columns, [&] { return random.normal(); });
}

constexpr double rounding = 1e-12;  // sums of at most 200 doubles of order one

TEST(Filters, OfHandMadeDirectionsHaveTheirClosedForms) {
  Eigen::MatrixXd directions = Eigen::MatrixXd::Zero(12, 4);     // 3 filters of 4 taps
  directions(5, 0) = 1.0;                                        // a single entry
  directions.col(1).setConstant(1.0 / std::sqrt(12.0));          // all alike
  directions.col(2).segment(4, 4).setConstant(0.5);              // one whole filter
  for (const Index row : {2, 6, 10}) directions(row, 3) = -7.0;  // one tap of all filters, not normalised
  const std::vector<float> solution = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  const auto found = describe_filters(directions, 4, solution, 3, 4);
  const auto expect = [](const Eigen::VectorXd& values, const std::vector<double>& expected) {
    for (std::size_t i = 0; i < expected.size(); ++i)
      EXPECT_NEAR(values(static_cast<Index>(i)), expected[i], rounding * std::max(1.0, expected[i])) << i;
  };
  expect(found.filters.value, {1, 3, 1, 3});
  expect(found.taps.value, {1, 4, 4, 1});
  expect(found.participation.value, {1.0 / 12, 1, 4.0 / 12, 3.0 / 12});
  const double root = std::sqrt(12.0);
  expect(found.sparsity.value, {1, 0, (root - 2.0) / (root - 1.0), (root - std::sqrt(3.0)) / (root - 1.0)});
  expect(found.projection.value, {36, 78.0 * 78.0 / 12, 13.0 * 13.0, 49.0 * 21 * 21});
  EXPECT_NEAR(found.solution_norm, std::sqrt(650.0), rounding * 26);
  EXPECT_NEAR(found.projection.null, 650.0 / 12, rounding * 650);
}

TEST(Filters, ProjectionsOnACompleteBasisAddUpToTheSolution) {
  const Eigen::MatrixXd basis = orthonormal_basis(random_matrix(144, 144, 1));
  const auto noise = random_matrix(144, 1, 2);
  const std::vector<float> solution(noise.data(), noise.data() + 144);
  const auto found = describe_filters(basis, 144, solution, 16, 9);
  const double squares = found.solution_norm * found.solution_norm;
  EXPECT_NEAR(found.projection.value.sum(), squares, rounding * squares);
  EXPECT_NEAR(found.projection.value.mean(), found.projection.null, rounding * squares);
}

// The nulls against simulation. For participation, filters and taps the exact mean is that of the reciprocal.
TEST(Filters, NullsAreTheMeansOverRandomUnitVectors) {
  constexpr int count = 40000;
  for (const auto& size : {std::pair{4, 3}, std::pair{16, 9}, std::pair{2, 1}}) {
    const auto outputs = size.first, inputs = size.second;
    const auto found = describe_filters(random_matrix(Index{outputs} * inputs, count, 3), count,
                                        std::vector<float>(outputs * inputs, 1.0F), outputs, inputs);
    const auto expect_mean = [&](const Eigen::ArrayXd& values, double expected, const char* what) {
      const double spread = std::sqrt((values - values.mean()).square().mean() / count);
      EXPECT_LT(spread, 0.005 * expected) << what;
      // Four standard errors: one such test in 16,000 would fail by chance, and the seed is fixed.
      EXPECT_NEAR(values.mean(), expected, 4.0 * spread + rounding) << what << ' ' << outputs << " x " << inputs;
    };
    expect_mean(found.sparsity.value, found.sparsity.null, "Hoyer");
    expect_mean(found.participation.value.array().inverse(), 1.0 / found.participation.null, "participation");
    expect_mean(found.filters.value.array().inverse(), 1.0 / found.filters.null, "filters");
    expect_mean(found.taps.value.array().inverse(), 1.0 / found.taps.null, "taps");
  }
}

TEST(Filters, NullOfTheFourthMomentIsTheTextbookOne) {
  const auto found = describe_filters(Eigen::MatrixXd::Identity(144, 1), 1, std::vector<float>(144, 1.0F), 16, 9);
  EXPECT_NEAR(found.participation.null, 1.0 / (144 * 3.0 / 146.0), rounding);  // E sum x^4 = 3 / (N + 2)
}

// Three directions that grow denser, then two weights that never moved.
TEST(Filters, TellTrendsOfDirectionsThatMoveFromWeightsThatStandStill) {
  Eigen::MatrixXd directions = Eigen::MatrixXd::Zero(6, 5);
  directions.col(0) << 1, 1, 1, 0, 0, 0;
  directions.col(1) << 1, 1, 1, 1, 0, 0;
  directions.col(2) << 1, 1, 1, 1, 1, 1;
  directions(4, 3) = directions(5, 4) = 1.0;
  const Eigen::VectorXd variance{{1, 1e-3, 1e-12, 1e-17, 0, 0}};
  const Eigen::MatrixXd unit = directions.colwise().normalized();
  const auto bounds = rounding_bounds(Eigen::VectorXd::Zero(6), 100, variance(0), unit);
  const auto found = describe_filters(directions, count_moving(variance, bounds), std::vector<float>(6, 1.0F), 2, 3);
  EXPECT_EQ(found.moving, 3);
  EXPECT_NEAR(found.participation.moving_rank_correlation, 1.0, rounding);
  // Ranks 2, 3, 4, 0.5, 0.5: deviations (0, 1, 2, -1.5, -1.5) from their mean; positions (-2, -1, 0, 1, 2).
  EXPECT_NEAR(found.participation.rank_correlation, -5.5 / std::sqrt(9.5 * 10.0), rounding);
}

TEST(Filters, RefuseSizesThatDoNotFit) {
  const std::vector<float> solution(12, 1.0F);
  EXPECT_THAT(
      message_of<ConfigError>([&] { (void)describe_filters(Eigen::MatrixXd::Identity(12, 2), 2, solution, 5, 2); }),
      testing::HasSubstr("5 x 2"));
}

TEST(RankCorrelation, OfHandMadeSequences) {
  EXPECT_NEAR(rank_correlation(Eigen::Vector4d(1, 10, 100, 1000)), 1.0, rounding);
  EXPECT_NEAR(rank_correlation(Eigen::Vector4d(4, 3, 2, -9)), -1.0, rounding);
  // One pair swapped: 1 - 6 sum d^2 / (n (n^2 - 1)) = 1 - 6 * 2 / 60.
  EXPECT_NEAR(rank_correlation(Eigen::Vector4d(1, 3, 2, 4)), 0.8, rounding);
  // Ties share ranks (0.5, 0.5, 2): deviations (-0.5, -0.5, 1) and (-1, 0, 1) give 1.5 / sqrt(1.5 * 2).
  EXPECT_NEAR(rank_correlation(Eigen::Vector3d(5, 5, 7)), 1.5 / std::sqrt(3.0), rounding);
  EXPECT_TRUE(std::isnan(rank_correlation(Eigen::Vector3d(5, 5, 5))));
  EXPECT_TRUE(std::isnan(rank_correlation(Eigen::Vector2d(5, 7))));  // two are always in order
}

}  // namespace
}  // namespace flatsweep::filters_test
