#include "flatsweep/par/ordered_sum.hpp"

#include "properties.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace flatsweep::ordered_sum_test {
namespace {

/// Numbers of very different size and sign, so that every order of summation rounds differently.
double entry(std::int64_t part, std::size_t i) {
  const double x = static_cast<double>(part) * 1.7 + i * 0.3;
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

/// Numbers of both signs over 40 powers of ten; they cancel and drown one another.
std::vector<double> any_numbers(std::size_t count) {
  auto engine = any_engine();
  std::uniform_real_distribution<double> mantissa(-1.0, 1.0), exponent(-20.0, 20.0);
  std::vector<double> numbers;
  while (numbers.size() < count) numbers.push_back(mantissa(engine) * std::pow(10.0, exponent(engine)));
  return numbers;
}

// A sum of n terms errs by (n - 1) u sum |x| at most, whatever their order (Higham 2002, eq. 4.4); here it is that of
// one order, to the last bit.
TEST(SumInOrder, IsThatOfOneRankForAnyNumbers) {
  check_property(200, [] {
    const auto parts = static_cast<std::size_t>(*rc::gen::inRange(1, 40));
    const auto length = static_cast<std::size_t>(*rc::gen::inRange(0, 40));
    const auto all = any_numbers(parts * length);
    const auto world = Communicator::world();
    const auto own = share(static_cast<std::int64_t>(parts), world.rank(), world.size());
    const auto mine = std::span(all).subspan(static_cast<std::size_t>(own.begin) * length,
                                             static_cast<std::size_t>(own.size()) * length);
    std::vector<double> result(length);
    sum_in_order(world, static_cast<std::int64_t>(parts), mine, result);
    bool right = true;
    for (std::size_t i = 0; i < length; ++i) {
      double plain = all[i];
      long double exact = all[i], size = std::abs(all[i]);
      for (std::size_t at = i + length; at < all.size(); at += length) {
        plain += all[at];
        exact += all[at];
        size += std::abs(all[at]);
      }
      const auto bound = static_cast<long double>(parts) * std::numeric_limits<double>::epsilon() * size;
      right = right && result[i] == plain && std::abs(result[i] - exact) <= bound;
    }
    RC_ASSERT(world.min(std::int64_t{right}) == 1);
  });
}

}  // namespace
}  // namespace flatsweep::ordered_sum_test
