#include "flatsweep/par/ordered_sum.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace flatsweep {
namespace {

/// Numbers of very different size and sign, so that every order of summation rounds differently.
double entry(std::int64_t part, std::size_t i) {
  const double x = static_cast<double>(part) * 1.7 + static_cast<double>(i) * 0.3;
  return std::sin(x) * std::pow(10.0, static_cast<double>((part * 7 + static_cast<std::int64_t>(i)) % 9));
}

std::vector<double> numbers(std::int64_t part, std::size_t length) {
  std::vector<double> values(length);
  for (std::size_t i = 0; i < length; ++i) values[i] = entry(part, i);
  return values;
}

std::vector<double> plain_sum(std::int64_t parts, std::size_t length) {
  auto sum = numbers(0, length);
  for (std::int64_t part = 1; part < parts; ++part) {
    const auto values = numbers(part, length);  // stored, so that no product is fused with the sum
    for (std::size_t i = 0; i < length; ++i) sum[i] += values[i];
  }
  return sum;
}

std::vector<double> ordered_sum(std::int64_t parts, std::size_t length) {
  const auto world = Communicator::world();
  const auto own = share(parts, world.rank(), world.size());
  std::vector<double> mine, result(length, -1.0);
  for (auto part = own.begin; part < own.end; ++part) {
    const auto values = numbers(part, length);
    mine.insert(mine.end(), values.begin(), values.end());
  }
  sum_in_order(world, parts, mine, result);
  return result;
}

TEST(SumInOrder, IsBitwiseThePlainSumOnAnyNumberOfRanks) {
  for (const std::int64_t parts : {1, 2, 3, 10, 64})
    for (const std::size_t length : {1, 2, 5, 1000}) EXPECT_EQ(ordered_sum(parts, length), plain_sum(parts, length));
}

TEST(SumInOrder, CutsLongArraysIntoPieces) {
  // 2^24 doubles are exchanged at once: 1000 parts of 17000 take two pieces.
  EXPECT_EQ(ordered_sum(1000, 17000), plain_sum(1000, 17000));
}

TEST(SumInOrder, OfNothingIsNothing) { EXPECT_TRUE(ordered_sum(3, 0).empty()); }

}  // namespace
}  // namespace flatsweep
