#include "flatsweep/linalg/autocorrelation.hpp"

#include "flatsweep/base/random.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace flatsweep::autocorrelation_test {
namespace {

std::vector<double> noise(std::size_t count, std::int64_t seed) {
  Random random(seed, RandomPurpose::simulation);
  std::vector<double> values(count);
  for (auto& value : values) value = 0.3 + random.normal();
  return values;
}

double plain_sum(const std::vector<double>& x, std::size_t lag) {
  long double sum = 0.0L;
  for (std::size_t t = 0; t + lag < x.size(); ++t) sum += static_cast<long double>(x[t]) * x[t + lag];
  return static_cast<double>(sum);
}

// A transform of length L has a relative error of about eps sqrt(log2 L) in the mean; 1e-14 is ten times that of L =
// 2^11, of the sum at lag 0.
void expect_plain_sums(Autocorrelation& autocorrelation, const std::vector<double>& x) {
  std::vector<double> sums(x.size());
  autocorrelation.sums(x, sums);
  const double scale = plain_sum(x, 0);
  for (std::size_t lag = 0; lag < x.size(); ++lag)
    ASSERT_NEAR(sums[lag], plain_sum(x, lag), 1e-14 * scale) << "length " << x.size() << ", lag " << lag;
}

TEST(Autocorrelation, EqualsThePlainDoubleLoop) {
  for (const std::size_t length : {1, 2, 3, 7, 64, 360, 1000, 1009}) {
    Autocorrelation autocorrelation(length);
    expect_plain_sums(autocorrelation, noise(length, static_cast<std::int64_t>(length)));
  }
}

TEST(Autocorrelation, OnePlanServesShorterSeriesInAnyOrder) {
  Autocorrelation autocorrelation(500);
  for (const std::size_t length : {500, 1, 499, 20, 500}) expect_plain_sums(autocorrelation, noise(length, 3));
}

// Series of other lengths and sizes beside one another, as many as go together, then three.
TEST(Autocorrelation, OfSeveralSeriesAtOnceAreThoseOfEachAlone) {
  Autocorrelation autocorrelation(700);
  for (const std::size_t count : {Autocorrelation::at_once, std::size_t{3}}) {
    std::vector<std::vector<double>> series, sums;
    for (std::size_t i = 0; i < count; ++i) {
      series.push_back(noise(700 - 60 * i, static_cast<std::int64_t>(i)));
      for (auto& value : series.back()) value *= std::pow(10.0, static_cast<double>(i));
      sums.emplace_back(series.back().size());
    }
    autocorrelation.sums(std::vector<std::span<const double>>(series.begin(), series.end()),
                         std::vector<std::span<double>>(sums.begin(), sums.end()));
    for (std::size_t i = 0; i < count; ++i) {
      std::vector<double> alone(series[i].size());
      autocorrelation.sums(series[i], alone);
      EXPECT_EQ(sums[i], alone);
      expect_plain_sums(autocorrelation, series[i]);
    }
  }
}

TEST(Autocorrelation, OfASinusoidIsASinusoid) {
  constexpr std::size_t period = 50, length = 40 * period;
  std::vector<double> x(length), sums(length);
  for (std::size_t t = 0; t < length; ++t) x[t] = std::cos(2.0 * M_PI * static_cast<double>(t) / period);
  Autocorrelation(length).sums(x, sums);
  // Over whole periods sum cos(a) cos(a + b) = (length / 2) cos b; at lags of whole periods whole periods are left.
  for (std::size_t lag = 0; lag < length; lag += period)
    EXPECT_NEAR(sums[lag], static_cast<double>(length - lag) / 2.0, 1e-14 * length);
}

TEST(Autocorrelation, RepeatsBitForBit) {
  const auto x = noise(777, 5);
  std::vector<double> first(777), again(777);
  Autocorrelation one(777), other(777);
  one.sums(x, first);
  other.sums(noise(300, 6), again);
  other.sums(x, again);
  EXPECT_EQ(first, again);
}

}  // namespace
}  // namespace flatsweep::autocorrelation_test
