#include "flatsweep/analysis/psi.hpp"

#include "flatsweep/base/random.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace flatsweep::psi_test {
namespace {

/// Directions with sigma^2 = F^-psi e^noise; flatness from 0.1 up, curvature 8/F^2.
VarianceFlatness planted(double psi, double noise, int count, std::int64_t seed) {
  Random random(seed, RandomPurpose::simulation);
  VarianceFlatness relation;
  for (int i = 0; i < count; ++i) {
    const double flatness = 0.1 * std::pow(1000.0, static_cast<double>(i) / count);
    relation.direction.push_back(i);
    relation.flatness.push_back(flatness);
    relation.variance.push_back(std::pow(flatness, -psi) * std::exp(noise * random.normal()));
    relation.loss_curvature.push_back(8.0 / (flatness * flatness));
  }
  return relation;
}

TEST(Psi, IsRecoveredExactlyWithoutNoise) {
  const auto relation = planted(4.0, 0.0, 300, 1);
  const auto fit = fit_psi({&relation, 1}, {1, 299, 0.0, 1});
  EXPECT_NEAR(fit.all.value, 4.0, 1e-10);
  EXPECT_EQ(fit.all.points, 299);  // direction 0 is outside the range
}

TEST(Psi, LiesInItsIntervalWithNoise) {
  const auto relation = planted(3.7, 0.3, 500, 2);
  const auto fit = fit_psi({&relation, 1}, {1, 499, 0.0, 1});
  EXPECT_LT(fit.all.low, 3.7);
  EXPECT_GT(fit.all.high, 3.7);
  EXPECT_LT(fit.all.low, fit.all.value);
  EXPECT_GT(fit.all.high, fit.all.value);
}

TEST(Psi, IsFittedOnEitherSideOfTheCrossover) {
  auto relation = planted(4.0, 0.0, 400, 3);
  const double crossover = 8.0 / (3.0 * 3.0);  // F = 3
  for (std::size_t i = 0; i < 400; ++i)
    if (relation.loss_curvature[i] < crossover)
      relation.variance[i] = std::pow(3.0, -4.0) * std::pow(relation.flatness[i] / 3.0, -2.0);
  const auto fit = fit_psi({&relation, 1}, {0, 399, crossover, 1});
  EXPECT_NEAR(fit.above.value, 4.0, 1e-9);
  EXPECT_NEAR(fit.below.value, 2.0, 1e-9);
}

TEST(Psi, LeavesOutUnboundedDirections) {
  auto relation = planted(4.0, 0.0, 100, 4);
  relation.flatness[50] = std::nan("");
  relation.variance[60] = 0.0;
  const auto fit = fit_psi({&relation, 1}, {0, 99, 0.0, 1});
  EXPECT_EQ(fit.all.points, 98);
  EXPECT_NEAR(fit.all.value, 4.0, 1e-10);
}

TEST(Psi, IsFittedOnNoSideWithoutACrossover) {
  const auto relation = planted(4.0, 0.0, 100, 4);
  const auto fit = fit_psi({&relation, 1}, {0, 99, std::nan(""), 1});
  EXPECT_TRUE(std::isnan(fit.below.value) && std::isnan(fit.above.value));
  EXPECT_NEAR(fit.all.value, 4.0, 1e-10);
}

// Both ends of the range are in it; what stands just outside is far from the law.
TEST(Psi, IsFittedOverItsRangeAndNothingBeside) {
  auto relation = planted(4.0, 0.2, 100, 6);
  const PsiOptions options{20, 69, 0.0, 1};
  const auto clean = fit_psi({&relation, 1}, options).all;
  EXPECT_EQ(clean.points, 50);
  for (const std::size_t outside : {0, 19, 70, 99}) relation.variance[outside] *= 1e6;
  const auto with_outliers = fit_psi({&relation, 1}, options).all;
  EXPECT_EQ(with_outliers.value, clean.value);
  EXPECT_EQ(with_outliers.low, clean.low);
  EXPECT_EQ(with_outliers.high, clean.high);
  for (const std::size_t inside : {20, 69}) {
    auto moved = relation;
    moved.variance[inside] *= 1e6;
    EXPECT_GT(std::abs(fit_psi({&moved, 1}, options).all.value - clean.value), 0.1) << inside;
  }
}

// Fifty directions of a law and fifty whose variance is rounding, positive or 0: the exponent is that of the law.
TEST(Psi, LeavesOutDirectionsThatDoNotMove) {
  auto relation = planted(4.0, 0.0, 100, 7);
  for (std::size_t i = 50; i < 100; ++i) relation.variance[i] = i % 3 == 0 ? 0.0 : 1e-18 * static_cast<double>(i);
  relation.rounding = 1e-13;
  const auto fit = fit_psi({&relation, 1}, {0, 99, 0.0, 1});
  EXPECT_EQ(fit.all.points, 50);
  EXPECT_NEAR(fit.all.value, 4.0, 1e-10);
  EXPECT_NEAR(flatness_prediction_error(relation, {0, 99, 0.0, 1}, 4.0), 0.0, 1e-7);
  relation.rounding = 0.0;  // with them the same data give another exponent, or none
  EXPECT_FALSE(std::abs(fit_psi({&relation, 1}, {0, 99, 0.0, 1}).all.value - 4.0) < 1.0);
  PsiOptions leading{0, 99, 0.0, 1};
  leading.moving = 50;
  EXPECT_EQ(fit_psi({&relation, 1}, leading).all.points, 50);
  EXPECT_NEAR(fit_psi({&relation, 1}, leading).all.value, 4.0, 1e-10);
}

TEST(Psi, OfSeveralSeedsIsTheMeanOfTheirExponents) {
  const std::vector<VarianceFlatness> replicas = {planted(3.0, 0.0, 50, 1), planted(4.0, 0.0, 150, 2),
                                                  planted(5.0, 0.0, 20, 3)};
  const auto fit = fit_psi(replicas, {0, 200, 0.0, 1});
  EXPECT_NEAR(fit.all.value, 4.0, 1e-10);
  EXPECT_NEAR(fit.all.low, 4.0 - 4.302653 / std::sqrt(3.0), 1e-5);  // t(2) of Student's table
  EXPECT_NEAR(fit.all.high, 4.0 + 4.302653 / std::sqrt(3.0), 1e-5);
  EXPECT_EQ(fit.all.points, 220);
  EXPECT_EQ(fit.all.seeds, 3);
  EXPECT_EQ(fit.all.interval, Interval::over_seeds);
}

// All labels alike: hardly a direction moves, and four points make no exponent.
TEST(Psi, OfFourDirectionsIsNotANumber) {
  auto relation = planted(7.9, 0.0, 100, 8);
  relation.rounding = relation.variance[4];
  const auto fit = fit_psi({&relation, 1}, {0, 99, 1.0, 1});
  for (const auto& exponent : {fit.all, fit.below, fit.above}) {
    EXPECT_TRUE(std::isnan(exponent.value) && std::isnan(exponent.low) && std::isnan(exponent.high));
    EXPECT_EQ(exponent.status, FitStatus::too_few_points);
  }
  EXPECT_EQ(fit.all.points, 4);
}

TEST(FlatnessPrediction, IsPerfectForTheTrueExponentOnly) {
  const auto relation = planted(4.0, 0.0, 100, 5);
  const PsiOptions options{0, 99, 0.0, 1};
  EXPECT_NEAR(flatness_prediction_error(relation, options, 4.0), 0.0, 1e-7);
  // With exponent p the error is |1 - 4/p| times the spread of ln F, which is uniform over ln 1000: ln 1000 / sqrt(12).
  EXPECT_NEAR(flatness_prediction_error(relation, options, 3.0), std::log(1000.0) / std::sqrt(12.0) / 3.0, 0.02);
}

}  // namespace
}  // namespace flatsweep::psi_test
