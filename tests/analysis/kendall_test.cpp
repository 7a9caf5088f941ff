#include "flatsweep/analysis/kendall.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/random.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace flatsweep::kendall_test {
namespace {

using Seeds = std::vector<std::vector<double>>;

/// By the definition, over all pairs of pairs, of one group where there are groups.
double tau_of_all_pairs(const std::vector<double>& x, const std::vector<double>& y,
                        const std::vector<int>& groups = {}) {
  double sum = 0.0, in_x = 0.0, in_y = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      if (!groups.empty() && groups[i] != groups[j]) continue;
      const double dx = x[i] - x[j], dy = y[i] - y[j];
      sum += dx * dy > 0.0 ? 1.0 : dx * dy < 0.0 ? -1.0 : 0.0;
      in_x += dx != 0.0;
      in_y += dy != 0.0;
    }
  return sum / std::sqrt(in_x * in_y);
}

std::vector<double> draws(std::size_t count, std::uint32_t below, std::uint64_t stream) {
  Random random(7, RandomPurpose::simulation, stream);
  std::vector<double> values;
  for (std::size_t i = 0; i < count; ++i) values.push_back(random.below(below));
  return values;
}

TEST(Kendall, IsOneForTheSameOrderAndMinusOneForTheOpposite) {
  const std::vector<double> x = {3.0, 1.0, 2.0, 7.0}, same = {30.0, -1.0, 0.0, 31.0}, opposite = {0.0, 9.0, 8.0, -5.0};
  EXPECT_EQ(kendall_tau(x, same), 1.0);
  EXPECT_EQ(kendall_tau(x, opposite), -1.0);
}

TEST(Kendall, AgreesWithThePublishedValue) {
  // scipy.stats.kendalltau([12, 2, 1, 12, 2], [1, 4, 7, 1, 0]).statistic, its documentation's example.
  EXPECT_NEAR(kendall_tau(std::vector<double>{12, 2, 1, 12, 2}, std::vector<double>{1, 4, 7, 1, 0}),
              -0.47140452079103173, 1e-15);
}

TEST(Kendall, AgreesWithTheDefinitionWithAndWithoutTies) {
  for (const std::uint32_t values : {2U, 5U, 1000000U})
    for (const std::size_t count : {2U, 3U, 17U, 100U}) {
      const auto x = draws(count, values, count), y = draws(count, values, 1000 + count);
      const double expected = tau_of_all_pairs(x, y);
      if (std::isfinite(expected)) {
        EXPECT_NEAR(kendall_tau(x, y), expected, 1e-13) << values << " " << count;
      } else {
        EXPECT_TRUE(std::isnan(kendall_tau(x, y)));
      }
    }
}

TEST(Kendall, ComparesWithinGroupsByTheDefinition) {
  for (const std::uint32_t values : {3U, 1000000U}) {
    const auto x = draws(40, values, 1), y = draws(40, values, 2), numbers = draws(40, 4, 3);
    const std::vector<int> groups(numbers.begin(), numbers.end());
    EXPECT_NEAR(kendall_tau(x, y, groups), tau_of_all_pairs(x, y, groups), 1e-13);
  }
  EXPECT_THROW((void)kendall_tau(draws(3, 9, 1), draws(3, 9, 2), std::vector<int>{1, 2}), ConfigError);
}

// Simpson's paradox: between the groups y rises with x, in each of them it falls.
TEST(Kendall, WhatGroupsDifferInDoesNotCountWithinThem) {
  Seeds x(1), y(1);
  std::vector<int> groups;
  for (int group = 0; group < 3; ++group)
    for (int i = 0; i < 10; ++i) {
      x[0].push_back(100 * group + i);
      y[0].push_back(100 * group - i);
      groups.push_back(group);
    }
  EXPECT_GT(tau_over_seeds(x, y, 1).tau, 0.3);
  const auto within = tau_over_seeds(x, y, 1, groups);
  EXPECT_EQ(within.tau, -1.0);
  EXPECT_LT(within.p_value, 0.01);
  // 3 groups of n = 10: tau is the mean of three independent ones of variance 2 (2 n + 5)/(9 n (n - 1)).
  const double reach = 1.96 * std::sqrt(2.0 * 25.0 / (9.0 * 10.0 * 9.0) / 3.0);
  EXPECT_NEAR(within.null_high, reach, 0.15 * reach);
}

// Thirty points of one y and six of others: shuffled among themselves only 15 of 450 comparisons ever count.
TEST(Kendall, PointsAreShuffledWithinTheirGroup) {
  Seeds x(1), y(1);
  std::vector<int> groups;
  for (int i = 0; i < 36; ++i) {
    x[0].push_back(i);
    y[0].push_back(i < 30 ? 0.0 : i);
    groups.push_back(i < 30 ? 0 : 1);
  }
  const double largest = 15.0 / std::sqrt(450.0 * 15.0);
  const auto within = tau_over_seeds(x, y, 1, groups);
  EXPECT_NEAR(within.tau, largest, 1e-15);
  EXPECT_LE(within.null_high, largest + 1e-15);
  EXPECT_GT(tau_over_seeds(x, y, 1).null_high, largest);
}

TEST(Kendall, LeavesOutPairsThatAreNotKnown) {
  EXPECT_EQ(kendall_tau(std::vector<double>{1, nan, 2, 3}, std::vector<double>{1, 0, nan, 2}), 1.0);
  EXPECT_TRUE(std::isnan(kendall_tau(std::vector<double>{1, nan}, std::vector<double>{1, 0})));
  EXPECT_TRUE(std::isnan(kendall_tau(std::vector<double>{1, 1, 1}, std::vector<double>{1, 2, 3})));
}

TEST(Kendall, OverSeedsIsTheMeanWithItsInterval) {
  const Seeds x(3, {1, 2, 3, 4});
  // Taus of 1, 4/6 and 2/6: none, one and two of six pairs in the opposite order.
  const Seeds y = {{1, 2, 3, 4}, {2, 1, 3, 4}, {2, 1, 4, 3}};
  const auto found = tau_over_seeds(x, y, 1);
  EXPECT_NEAR(found.tau, 2.0 / 3.0, 1e-15);
  // Standard deviation 1/3; Student's t of two degrees of freedom is 4.302653 at 97.5 %.
  EXPECT_NEAR(found.high - found.tau, 4.302653 / 3.0 / std::sqrt(3.0), 1e-6);
  EXPECT_NEAR(found.tau - found.low, found.high - found.tau, 1e-12);
  EXPECT_EQ(found.seeds, 3);
  EXPECT_EQ(found.replicas, 12);
}

TEST(Kendall, TheNullHasTheVarianceOfIndependentRanks) {
  constexpr std::size_t points = 30;
  const Seeds x = {draws(points, 1000000, 1)}, y = {draws(points, 1000000, 2)};
  const auto found = tau_over_seeds(x, y, 1);
  // Var tau = 2 (2 n + 5)/(9 n (n - 1)) without ties (Kendall 1938); 1000 shuffles know the quantiles to 6 %.
  const double reach = 1.96 * std::sqrt(2.0 * (2.0 * points + 5.0) / (9.0 * points * (points - 1.0)));
  EXPECT_NEAR(found.null_high, reach, 0.15 * reach);
  EXPECT_NEAR(found.null_low, -reach, 0.15 * reach);
  EXPECT_TRUE(std::isnan(found.low)) << "one seed has no interval";
  EXPECT_GT(found.p_value, 0.0);
}

TEST(Kendall, SeedsThatAgreeAreNoIndependentPoints) {
  const std::vector<double> a = draws(30, 1000000, 1), b = draws(30, 1000000, 2);
  const auto one = tau_over_seeds(Seeds{a}, Seeds{b}, 1);
  const auto three = tau_over_seeds(Seeds{a, a, a}, Seeds{b, b, b}, 1);
  EXPECT_NEAR(one.null_high, three.null_high, 1e-12);
  EXPECT_EQ(one.p_value, three.p_value);
}

TEST(Kendall, AnOrderThatChanceHardlyMakesHasASmallShare) {
  std::vector<double> x, y;
  for (int i = 0; i < 20; ++i) {
    x.push_back(i);
    y.push_back(i * i);
  }
  EXPECT_NEAR(tau_over_seeds(Seeds{x}, Seeds{y}, 1).p_value, 1.0 / 1001.0, 1e-15);
}

}  // namespace
}  // namespace flatsweep::kendall_test
