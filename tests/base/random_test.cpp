#include "flatsweep/base/random.hpp"

#include "base/philox.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

namespace flatsweep::random_test {
namespace {

using Words = PhiloxWords;

Words draw_four(Random& random) {
  Words words;
  for (auto& word : words) word = random.next();
  return words;
}

// The three vectors of Random123's own distribution, tests/kat_vectors, "philox4x32 10".
constexpr Words all_zero = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
constexpr Words all_ones = {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd};
constexpr Words digits_of_pi = {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1};

TEST(Random, GivesThePublishedPhiloxWordsForKeyAndCounterZero) {
  Random random(0, RandomPurpose{0});  // no purpose of ours has the number 0
  EXPECT_EQ(draw_four(random), all_zero);
}

TEST(Random, MapsSeedStreamPurposeAndBlockIntoPhiloxKeyAndCounter) {
  ASSERT_EQ(philox({0, 0, 0, 0}, {0, 0}), all_zero);
  ASSERT_EQ(philox({~0U, ~0U, ~0U, ~0U}, {~0U, ~0U}), all_ones);
  ASSERT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}), digits_of_pi);
  Random random(0x0123456789ABCDEF, RandomPurpose::bootstrap, 0x00112233445566);
  for (const std::uint32_t block : {0U, 1U, 2U})
    EXPECT_EQ(draw_four(random), philox({block, 0, 0x33445566, 0x03001122}, {0x89ABCDEF, 0x01234567}));
}

TEST(Random, RepeatsItselfForTheSameKey) {
  Random a(-5, RandomPurpose::sampling, 3), b(-5, RandomPurpose::sampling, 3);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(a.next(), b.next());
}

TEST(Random, DiffersBetweenSeedsPurposesAndStreams) {
  std::vector<Random> randoms;
  for (const std::int64_t seed : {0LL, 1LL, -1LL, 1LL << 32})
    for (const auto purpose : {RandomPurpose::initial_weights, RandomPurpose::sampling, RandomPurpose::bootstrap})
      for (const std::uint64_t stream : {0ULL, 1ULL, 1ULL << 33}) randoms.emplace_back(seed, purpose, stream);
  std::map<std::uint64_t, int> first_words;
  for (auto& random : randoms) ++first_words[std::uint64_t{random.next()} << 32 | random.next()];
  EXPECT_EQ(first_words.size(), randoms.size());  // 64-bit words meet by chance with probability 1e-17
}

constexpr int draws = 200000;

/// How many standard errors a mean over `draws` lies from what is expected.
double deviation(double sum, double mean, double variance) {
  return std::abs(sum / draws - mean) / std::sqrt(variance / draws);
}

// Moments against the closed forms, within 5 standard errors: chance of a false alarm below 1e-6 each.
TEST(Random, UniformNumbersHaveTheMomentsOfTheUnitInterval) {
  Random random(1, RandomPurpose::simulation);
  double sum = 0.0, squares = 0.0, low = 1.0, high = 0.0;
  for (int i = 0; i < draws; ++i) {
    const double u = random.uniform();
    sum += u;
    squares += u * u;
    low = std::min(low, u);
    high = std::max(high, u);
  }
  EXPECT_GE(low, 0.0);
  EXPECT_LT(high, 1.0);
  EXPECT_LT(deviation(sum, 1.0 / 2.0, 1.0 / 12.0), 5.0);
  EXPECT_LT(deviation(squares, 1.0 / 3.0, 4.0 / 45.0), 5.0);
}

TEST(Random, NormalNumbersHaveTheMomentsOfTheNormalLaw) {
  Random random(2, RandomPurpose::simulation);
  double sum = 0.0, squares = 0.0, fourths = 0.0, neighbours = 0.0, previous = 0.0;
  for (int i = 0; i < draws; ++i) {
    const double z = random.normal();
    sum += z;
    squares += z * z;
    fourths += z * z * z * z;
    neighbours += z * previous;
    previous = z;
  }
  EXPECT_LT(deviation(sum, 0.0, 1.0), 5.0);
  EXPECT_LT(deviation(squares, 1.0, 2.0), 5.0);
  EXPECT_LT(deviation(fourths, 3.0, 96.0), 5.0);  // E z^8 - (E z^4)^2 = 105 - 9
  EXPECT_LT(deviation(neighbours, 0.0, 1.0), 5.0);
}

TEST(Random, BoundedIntegersStayBelowTheBoundAndAreUniform) {
  Random random(3, RandomPurpose::simulation);
  std::array<int, 7> counts{};
  for (int i = 0; i < draws; ++i) ++counts.at(random.below(7));
  for (const int count : counts) EXPECT_LT(deviation(count, 1.0 / 7.0, 6.0 / 49.0), 5.0);
}

// The largest bound makes the unbiased method reject almost half of its draws.
TEST(Random, BoundedIntegersAreUniformWhereTheBoundIsLarge) {
  Random random(4, RandomPurpose::simulation);
  constexpr std::uint32_t bound = 0xC0000000U;  // a biased method doubles the weight of every third number
  int lower_third = 0;
  for (int i = 0; i < draws; ++i) lower_third += random.below(bound) % 3 == 0 ? 1 : 0;
  EXPECT_LT(deviation(lower_third, 1.0 / 3.0, 2.0 / 9.0), 5.0);
  Random one(5, RandomPurpose::simulation);
  EXPECT_EQ(one.below(1), 0U);
}

TEST(RandomPermutation, HoldsEveryNumberOnce) {
  Random random(6, RandomPurpose::simulation);
  for (const std::uint32_t n : {0U, 1U, 2U, 1000U}) {
    auto order = random_permutation(n, random);
    std::sort(order.begin(), order.end());
    ASSERT_EQ(order.size(), n);
    for (std::uint32_t i = 0; i < n; ++i) EXPECT_EQ(order[i], i);
  }
}

TEST(RandomPermutation, GivesAllOrdersOfThreeEquallyOften) {
  Random random(7, RandomPurpose::simulation);
  std::map<std::vector<std::uint32_t>, int> counts;
  constexpr int trials = 60000;
  for (int i = 0; i < trials; ++i) ++counts[random_permutation(3, random)];
  ASSERT_EQ(counts.size(), 6U);
  double chi_square = 0.0;
  for (const auto& [order, count] : counts) chi_square += std::pow(count - trials / 6.0, 2) / (trials / 6.0);
  EXPECT_LT(chi_square, 35.9);  // 5 degrees of freedom: exceeded with probability 1e-6
}

}  // namespace
}  // namespace flatsweep::random_test
