#include "flatsweep/data/sampler.hpp"

#include "base/philox.hpp"
#include "base/thrown.hpp"
#include "flatsweep/base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace flatsweep::sampler_test {
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

/// What Sampler promises, from Philox as it was published: words of (seed, purpose 2, stream), bounded integers by
/// Lemire's method, Fisher and Yates' shuffle from the end.
class Draws {
 public:
  Draws(std::int64_t seed, std::int64_t stream)
      : seed_(static_cast<std::uint64_t>(seed)), stream_((2ULL << 56) ^ static_cast<std::uint64_t>(stream)) {}

  std::uint32_t below(std::uint64_t bound) {
    for (;;) {
      const std::uint64_t product = next() * bound;
      if ((product & 0xFFFFFFFF) >= (1ULL << 32) % bound) return static_cast<std::uint32_t>(product >> 32);
    }
  }

  Order permutation(std::uint32_t n) {
    Order order;
    for (std::uint32_t i = 0; i < n; ++i) order.push_back(i);
    for (std::uint32_t left = n; left >= 2; --left) {
      const auto chosen = below(left);
      const auto last = order[left - 1];
      order[left - 1] = order[chosen];
      order[chosen] = last;
    }
    return order;
  }

 private:
  std::uint64_t next() {
    const std::uint64_t block = drawn_ / 4, place = drawn_ % 4;
    ++drawn_;
    return philox({low(block), high(block), low(stream_), high(stream_)}, {low(seed_), high(seed_)})[place];
  }
  static std::uint32_t low(std::uint64_t words) { return static_cast<std::uint32_t>(words & 0xFFFFFFFF); }
  static std::uint32_t high(std::uint64_t words) { return static_cast<std::uint32_t>(words >> 32); }

  std::uint64_t seed_, stream_, drawn_ = 0;
};

Order expected_order(Sampling scheme, std::uint32_t samples, std::uint32_t batch, std::int64_t seed,
                     std::int64_t epoch) {
  const std::uint32_t minibatches = samples / batch;
  Draws of_epoch(seed, epoch + 1), that_stay(seed, 0);
  Order order;
  switch (scheme) {
    case Sampling::with_replacement:
      for (std::uint32_t i = 0; i < minibatches * batch; ++i) order.push_back(of_epoch.below(samples));
      return order;
    case Sampling::fixed_partition: {
      const auto partition = that_stay.permutation(samples);
      for (const auto minibatch : of_epoch.permutation(minibatches))
        for (std::uint32_t i = 0; i < batch; ++i) order.push_back(partition[minibatch * batch + i]);
      return order;
    }
    case Sampling::reshuffle:
      order = of_epoch.permutation(samples);
      break;
    case Sampling::shuffle_once:
      order = that_stay.permutation(samples);
      break;
  }
  order.resize(std::size_t{minibatches} * batch);
  return order;
}

// Large enough that bounded integers are rejected now and then, and with samples left over.
TEST(Sampler, DrawsTheOrderThatThePublishedGeneratorGives) {
  for (const auto scheme : all_schemes)
    for (const std::int64_t seed : {std::int64_t{1}, std::int64_t{-7}, std::int64_t{1} << 40})
      for (const std::int64_t epoch : {0, 1, 89})
        EXPECT_TRUE(Sampler(scheme, 60007, 50, seed).order(epoch) == expected_order(scheme, 60007, 50, seed, epoch))
            << to_string(scheme) << ", seed " << seed << ", epoch " << epoch;
}

// From a program in Python of the same rules.
TEST(Sampler, KeepsItsOrders) {
  const auto order = [](Sampling scheme, std::int64_t seed, std::int64_t epoch) {
    return Sampler(scheme, 11, 3, seed).order(epoch);
  };
  EXPECT_EQ(order(Sampling::reshuffle, 1, 0), (Order{9, 2, 10, 6, 3, 1, 4, 5, 8}));
  EXPECT_EQ(order(Sampling::reshuffle, 1, 3), (Order{5, 8, 10, 1, 4, 9, 0, 6, 7}));
  EXPECT_EQ(order(Sampling::reshuffle, -7, 3), (Order{5, 2, 7, 10, 3, 8, 4, 1, 0}));
  EXPECT_EQ(order(Sampling::shuffle_once, 1, 0), (Order{6, 8, 7, 1, 10, 9, 2, 4, 3}));
  EXPECT_EQ(order(Sampling::shuffle_once, -7, 3), (Order{6, 10, 9, 0, 4, 1, 2, 7, 5}));
  EXPECT_EQ(order(Sampling::fixed_partition, 1, 0), (Order{2, 4, 3, 6, 8, 7, 1, 10, 9}));
  EXPECT_EQ(order(Sampling::fixed_partition, 1, 3), (Order{1, 10, 9, 2, 4, 3, 6, 8, 7}));
  EXPECT_EQ(order(Sampling::fixed_partition, -7, 3), (Order{6, 10, 9, 2, 7, 5, 0, 4, 1}));
  EXPECT_EQ(order(Sampling::with_replacement, 1, 0), (Order{7, 1, 10, 7, 6, 2, 6, 8, 4}));
  EXPECT_EQ(order(Sampling::with_replacement, 1, 3), (Order{2, 3, 9, 8, 0, 7, 9, 5, 9}));
  EXPECT_EQ(order(Sampling::with_replacement, -7, 3), (Order{6, 10, 1, 2, 6, 1, 6, 9, 5}));
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
}  // namespace flatsweep::sampler_test
