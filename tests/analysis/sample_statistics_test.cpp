#include "flatsweep/analysis/sample_statistics.hpp"

#include "flatsweep/base/random.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>

namespace flatsweep::sample_statistics_test {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

// Worked by hand: mean 2, deviations -2, -2, -1, 0, 5, so that the second to fourth moments are 34/5, 108/5, 658/5.
TEST(SampleMoments, AreThoseWorkedByHand) {
  const std::vector<double> values = {0.0, 7.0, nan, 0.0, 1.0, 2.0};
  const auto m = sample_moments(values);
  EXPECT_EQ(m.count, 5);
  EXPECT_DOUBLE_EQ(m.mean, 2.0);
  EXPECT_NEAR(m.variance, 6.8, 1e-14);
  EXPECT_NEAR(m.skewness, 21.6 / std::pow(6.8, 1.5), 1e-14);
  EXPECT_NEAR(m.excess_kurtosis, 131.6 / (6.8 * 6.8) - 3.0, 1e-14);
  EXPECT_NEAR(m.robust_sigma, 2.0 / 1.3489795003921634, 1e-14);  // quartiles 0 and 2
}

// The largest gap of {-1, 1} to the normal distribution of mean 0 and variance 1 is Phi(1) - 1/2, just below 1.
TEST(SampleMoments, NormalDistanceOfTwoValuesIsKnown) {
  const double expected = 0.5 * std::erf(1.0 / std::numbers::sqrt2);
  EXPECT_NEAR(sample_moments(std::vector{-1.0, 1.0}).normal_distance, expected, 1e-14);
}

// Standard errors over n samples: 1/sqrt(n) of the mean, sqrt(2/n) of the variance, sqrt(6/n), sqrt(24/n) of skewness
// and kurtosis, about 1.17/sqrt(n) of the robust sigma; four of them each. 1.03/sqrt(n) is Lilliefors' 1 % level.
TEST(SampleMoments, OfNormalSamplesAreThoseOfTheNormalDistribution) {
  Random random(4, RandomPurpose::simulation);
  std::vector<double> values(40000);
  for (auto& v : values) v = random.normal();
  const auto m = sample_moments(values);
  const double unit = 1.0 / std::sqrt(40000.0);
  EXPECT_NEAR(m.mean, 0.0, 4 * unit);
  EXPECT_NEAR(m.variance, 1.0, 4 * std::sqrt(2.0) * unit);
  EXPECT_NEAR(m.skewness, 0.0, 4 * std::sqrt(6.0) * unit);
  EXPECT_NEAR(m.excess_kurtosis, 0.0, 4 * std::sqrt(24.0) * unit);
  EXPECT_NEAR(m.robust_sigma, 1.0, 4 * 1.17 * unit);
  EXPECT_LT(m.normal_distance, 1.03 * unit);
}

// An exponential distribution has skewness 2, excess kurtosis 6, quartile distance ln 3, and is furthest from the
// normal of its mean and variance at 0, where that is Phi(-1).
TEST(SampleMoments, OfExponentialSamplesAreThoseOfTheExponentialDistribution) {
  std::vector<double> values;
  const int count = 200000;  // exact quantiles, so that only the truncated tail is missing: kurtosis errs by about 1 %
  for (int i = 0; i < count; ++i) values.push_back(-std::log1p(-(i + 0.5) / count));
  const auto m = sample_moments(values);
  EXPECT_NEAR(m.skewness, 2.0, 0.01);
  EXPECT_NEAR(m.excess_kurtosis, 6.0, 0.08);
  EXPECT_NEAR(m.robust_sigma, std::log(3.0) / 1.3489795003921634, 1e-4);
  EXPECT_NEAR(m.normal_distance, 0.5 * std::erfc(1.0 / std::numbers::sqrt2), 1e-4);
}

TEST(SampleMoments, AreNotGivenForFewerThanTwoValues) {
  const auto m = sample_moments(std::vector{nan, 3.0});
  EXPECT_EQ(m.count, 1);
  EXPECT_TRUE(std::isnan(m.mean) && std::isnan(m.variance) && std::isnan(m.robust_sigma));
}

// x = 1..5, y = 2, 1, 4, 3, 5: ranks are the values; the squared differences of ranks sum to 4, so r = 1 - 6*4/(5*24).
TEST(Correlations, AreThoseWorkedByHand) {
  const std::vector<double> x = {1, 2, 3, 4, 5, nan}, y = {2, 1, 4, 3, 5, 9};
  EXPECT_NEAR(pearson(x, y).value, 0.8, 1e-14);
  EXPECT_NEAR(spearman(x, y).value, 0.8, 1e-14);
  const double z = std::atanh(0.8), half = 1.959963984540054 / std::sqrt(2.0);
  EXPECT_NEAR(pearson(x, y).low, std::tanh(z - half), 1e-12);
  EXPECT_NEAR(pearson(x, y).high, std::tanh(z + half), 1e-12);
  EXPECT_NEAR(spearman(x, y).high, std::tanh(z + half * std::sqrt(1.32)), 1e-12);
}

TEST(Correlations, OfRanksDoNotChangeUnderAGrowingFunctionAndShareTies) {
  const std::vector<double> x = {0.1, 0.2, 0.2, 0.7, 0.9}, y = {3, 1, 2, 5, 4};
  std::vector<double> grown;
  for (const double v : x) grown.push_back(std::exp(20.0 * v));
  EXPECT_EQ(spearman(x, y).value, spearman(grown, y).value);
  // Ranks 0, 1.5, 1.5, 3, 4 and 2, 0, 1, 4, 3; deviations from 2: products sum to 5.5, squares to 9.5 and 10.
  EXPECT_NEAR(spearman(x, y).value, 5.5 / std::sqrt(95.0), 1e-14);
}

TEST(Correlations, AreNotGivenWithoutSpread) {
  const std::vector<double> x = {1, 1, 1, 1, 1}, y = {2, 1, 4, 3, 5};
  EXPECT_TRUE(std::isnan(pearson(x, y).value));
  EXPECT_FALSE(pearson(x, y).excludes_zero());
}

// The band of 1000 pairs with correlation rho covers it 95 times in 100; of 300 trials, 285 +- 3.8.
TEST(Correlations, BandsCoverTheTruth) {
  Random random(5, RandomPurpose::simulation);
  const double rho = 0.3, rank_rho = 6.0 / std::numbers::pi * std::asin(rho / 2.0);  // Pearson 1907
  int covered = 0, rank_covered = 0;
  for (int trial = 0; trial < 300; ++trial) {
    std::vector<double> x(1000), y(1000);
    for (std::size_t i = 0; i < x.size(); ++i) {
      x[i] = random.normal();
      y[i] = rho * x[i] + std::sqrt(1.0 - rho * rho) * random.normal();
    }
    const auto linear = pearson(x, y), rank = spearman(x, y);
    covered += linear.low < rho && rho < linear.high ? 1 : 0;
    rank_covered += rank.low < rank_rho && rank_rho < rank.high ? 1 : 0;
  }
  EXPECT_NEAR(covered, 285, 15);  // four standard deviations
  EXPECT_NEAR(rank_covered, 285, 15);
}

TEST(SampleStatistics, GeometricMeanIsOfPositiveFiniteValues) {
  const double infinite = std::numeric_limits<double>::infinity();
  EXPECT_NEAR(geometric_mean(std::vector<double>{2.0, nan, 8.0, 0.0, -3.0, infinite}), 4.0, 1e-14);
  EXPECT_TRUE(std::isnan(geometric_mean(std::vector<double>{0.0, nan})));
}

}  // namespace
}  // namespace flatsweep::sample_statistics_test
