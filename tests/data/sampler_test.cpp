#include "flatsweep/data/sampler.hpp"

#include "base/thrown.hpp"
#include "flatsweep/base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace flatsweep {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using Order = std::vector<std::uint32_t>;

constexpr Sampling all_schemes[] = {Sampling::reshuffle, Sampling::shuffle_once, Sampling::fixed_partition,
                                    Sampling::with_replacement};

std::size_t distinct(const Order& order) { return std::set<std::uint32_t>(order.begin(), order.end()).size(); }

/// The minibatches as sets of samples, in the order of the epoch.
std::vector<std::set<std::uint32_t>> minibatches(const Order& order, std::size_t batch) {
  std::vector<std::set<std::uint32_t>> sets;
  for (std::size_t i = 0; i < order.size(); i += batch)
    sets.emplace_back(order.begin() + static_cast<std::ptrdiff_t>(i),
                      order.begin() + static_cast<std::ptrdiff_t>(i + batch));
  return sets;
}

TEST(Sampler, EpochIsTheWholeNumberOfMinibatches) {
  for (const auto scheme : all_schemes) {
    const Sampler sampler(scheme, 103, 10, 1);
    EXPECT_EQ(sampler.iterations(), 10);
    EXPECT_EQ(sampler.order(0).size(), 100U);
    for (const auto sample : sampler.order(3)) EXPECT_LT(sample, 103U);
  }
}

TEST(Sampler, OrderDependsOnEpochAndSeedOnly) {
  for (const auto scheme : all_schemes) {
    const Sampler sampler(scheme, 100, 10, 1), again(scheme, 100, 10, 1), other(scheme, 100, 10, 2);
    const auto fifth = sampler.order(5);
    (void)sampler.order(2);
    EXPECT_EQ(sampler.order(5), fifth) << to_string(scheme);
    EXPECT_EQ(again.order(5), fifth) << to_string(scheme);
    EXPECT_NE(other.order(5), fifth) << to_string(scheme);
  }
}

TEST(Sampler, ReshuffleIsAnotherPermutationEachEpoch) {
  const Sampler sampler(Sampling::reshuffle, 1000, 50, 1);
  std::set<Order> orders;
  for (int epoch = 0; epoch < 20; ++epoch) {
    orders.insert(sampler.order(epoch));
    EXPECT_EQ(distinct(sampler.order(epoch)), 1000U);
  }
  EXPECT_EQ(orders.size(), 20U);
}

TEST(Sampler, ReshuffleLeavesOutOtherSamplesEachEpoch) {
  const Sampler sampler(Sampling::reshuffle, 13, 10, 1);
  std::set<std::uint32_t> seen;
  for (int epoch = 0; epoch < 40; ++epoch) {
    const auto order = sampler.order(epoch);
    EXPECT_EQ(distinct(order), 10U);
    seen.insert(order.begin(), order.end());
  }
  EXPECT_EQ(seen.size(), 13U);  // a sample is missed 40 times with probability (3/13)^40
}

TEST(Sampler, ShuffleOnceKeepsOnePermutation) {
  const Sampler sampler(Sampling::shuffle_once, 1000, 50, 1);
  EXPECT_EQ(distinct(sampler.order(0)), 1000U);
  EXPECT_FALSE(std::ranges::is_sorted(sampler.order(0)));
  for (int epoch = 1; epoch < 5; ++epoch) EXPECT_EQ(sampler.order(epoch), sampler.order(0));
}

TEST(Sampler, FixedPartitionKeepsItsMinibatchesInAnotherOrder) {
  const Sampler sampler(Sampling::fixed_partition, 1000, 50, 1);
  auto first = minibatches(sampler.order(0), 50);
  auto second = minibatches(sampler.order(1), 50);
  EXPECT_EQ(distinct(sampler.order(0)), 1000U);
  EXPECT_NE(first, second);
  std::ranges::sort(first);
  std::ranges::sort(second);
  EXPECT_EQ(first, second);
}

// The number of distinct samples among k draws from n is known: mean n (1 - q), q = (1 - 1/n)^k, variance
// n (n-1) (1 - 2/n)^k + n q - n^2 q^2. Five standard deviations: chance of a false alarm below 1e-6.
TEST(Sampler, WithReplacementHitsTheExpectedNumberOfSamples) {
  constexpr double n = 10000.0;
  const Sampler sampler(Sampling::with_replacement, 10000, 50, 1);
  const double missed = std::pow(1.0 - 1.0 / n, n);
  const double variance = n * (n - 1.0) * std::pow(1.0 - 2.0 / n, n) + n * missed - n * n * missed * missed;
  for (int epoch = 0; epoch < 5; ++epoch)
    EXPECT_NEAR(static_cast<double>(distinct(sampler.order(epoch))), n * (1.0 - missed), 5.0 * std::sqrt(variance));
  EXPECT_NE(sampler.order(0), sampler.order(1));
}

TEST(Sampler, TakesAMinibatchAsLargeAsTheSet) {
  for (const auto scheme : all_schemes) EXPECT_EQ(Sampler(scheme, 20, 20, 1).iterations(), 1);
}

TEST(Sampler, RefusesAMinibatchLargerThanTheSet) {
  for (const auto scheme : all_schemes) {
    EXPECT_THAT(message_of<ConfigError>([&] { Sampler(scheme, 20, 21, 1); }),
                AllOf(HasSubstr("21"), HasSubstr("1 to 20")));
    EXPECT_THROW(Sampler(scheme, 20, 0, 1), ConfigError);
  }
}

}  // namespace
}  // namespace flatsweep
