#include "flatsweep/analysis/power_law.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/random.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace flatsweep {
namespace {

// y = prefactor x^exponent exp(noise), x from 1 to 100.
PowerLawSample simulate(double exponent, double prefactor, double noise, int points, Random& random) {
  PowerLawSample sample;
  for (int i = 0; i < points; ++i) {
    const double x = std::pow(100.0, random.uniform());
    sample.x.push_back(x);
    sample.y.push_back(prefactor * std::pow(x, exponent) * std::exp(noise * random.normal()));
  }
  return sample;
}

bool covers(const Exponent& fit, double truth) { return fit.low <= truth && truth <= fit.high; }

TEST(PowerLaw, IsExactWithoutNoise) {
  Random random(1, RandomPurpose::simulation);
  const std::vector<PowerLawSample> samples = {simulate(-3.5, 0.25, 0.0, 40, random)};
  const auto fit = fit_power_law(samples, 1);
  // Rounding of logarithms up to ln(100^3.5) = 16 and of sums of 40 terms.
  EXPECT_NEAR(fit.value, -3.5, 1e-12);
  EXPECT_NEAR(fit.low, -3.5, 1e-12);
  EXPECT_NEAR(fit.high, -3.5, 1e-12);
  EXPECT_NEAR(fit.log_prefactor, std::log(0.25), 1e-12);
  EXPECT_EQ(fit.points, 40);
}

TEST(PowerLaw, RecoversAPlantedExponentWithinItsInterval) {
  Random random(2, RandomPurpose::simulation);
  std::vector<PowerLawSample> samples;
  for (int seed = 0; seed < 5; ++seed) samples.push_back(simulate(2.0, 7.0, 0.3, 200, random));
  const auto fit = fit_power_law(samples, 3);
  EXPECT_TRUE(covers(fit, 2.0)) << fit.low << " to " << fit.high;
  // The slope's deviation is noise / (sqrt(points) sd(ln x)) = 0.3 / (sqrt(1000) 1.33) = 0.0071; four of them.
  EXPECT_NEAR(fit.value, 2.0, 0.029);
  EXPECT_LT(fit.low, fit.value);
  EXPECT_LT(fit.value, fit.high);
}

// 200 trials of a true 95 % interval: 190 +- 3.1, so 180 to 198 is about three deviations either way.
TEST(PowerLaw, IntervalCoversTheTruthNineteenTimesInTwenty) {
  int covered = 0;
  for (int trial = 0; trial < 200; ++trial) {
    Random random(trial, RandomPurpose::simulation);
    const std::vector<PowerLawSample> samples = {simulate(1.0, 1.0, 0.5, 200, random)};
    covered += covers(fit_power_law(samples, trial), 1.0);
  }
  EXPECT_GE(covered, 180);
  EXPECT_LE(covered, 198);
}

// Seeds with exponents of their own: an interval over points alone would cover about half of the time.
// 10 seeds are few for a percentile bootstrap, so the lower bound is 85 %.
TEST(PowerLaw, IntervalIncludesTheSpreadBetweenSeeds) {
  int covered = 0;
  for (int trial = 0; trial < 200; ++trial) {
    Random random(1000 + trial, RandomPurpose::simulation);
    std::vector<PowerLawSample> samples;
    for (int seed = 0; seed < 10; ++seed)
      samples.push_back(simulate(1.0 + 0.2 * random.normal(), 1.0, 0.3, 50, random));
    covered += covers(fit_power_law(samples, trial, 400), 1.0);
  }
  EXPECT_GE(covered, 170);
  EXPECT_LE(covered, 199);
}

TEST(PowerLaw, IntervalRepeatsWithItsSeed) {
  Random random(4, RandomPurpose::simulation);
  const std::vector<PowerLawSample> samples = {simulate(1.0, 1.0, 0.5, 30, random),
                                               simulate(1.0, 1.0, 0.5, 20, random)};
  const auto first = fit_power_law(samples, 11);
  const auto again = fit_power_law(samples, 11);
  const auto other = fit_power_law(samples, 12);
  EXPECT_EQ(first.low, again.low);
  EXPECT_EQ(first.high, again.high);
  EXPECT_NE(first.low, other.low);
  EXPECT_EQ(first.value, other.value);
}

TEST(PowerLaw, LeavesOutWhatIsNotPositiveAndFinite) {
  const double infinite = std::numeric_limits<double>::infinity();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<PowerLawSample> samples = {
      {{1, 2, 4, 8, -1, 3, 3, 3, 0}, {3, 6, 12, 24, 5, 0, infinite, nan, 1}}, {{nan}, {1}}, {}};
  const auto fit = fit_power_law(samples, 1);
  EXPECT_EQ(fit.points, 4);
  EXPECT_NEAR(fit.value, 1.0, 1e-14);  // rounding of four logarithms
  EXPECT_NEAR(fit.log_prefactor, std::log(3), 1e-14);
}

TEST(PowerLaw, IsNotANumberForFewerThanThreePoints) {
  const auto fit = fit_power_law(std::vector<PowerLawSample>{{{1, 2, 3}, {1, 2, -3}}}, 1);
  EXPECT_EQ(fit.points, 2);
  EXPECT_TRUE(std::isnan(fit.value) && std::isnan(fit.low) && std::isnan(fit.high) && std::isnan(fit.log_prefactor));
  EXPECT_EQ(fit_power_law({}, 1).points, 0);
}

TEST(PowerLaw, IsNotANumberWhereAllXAreTheSame) {
  EXPECT_TRUE(std::isnan(fit_power_law(std::vector<PowerLawSample>{{{3, 3, 3}, {1, 2, 3}}}, 1).value));
}

TEST(PowerLaw, RefusesPairsThatAreNotPairs) {
  EXPECT_THROW((void)fit_power_law(std::vector<PowerLawSample>{{{1, 2, 3}, {1, 2}}}, 1), ConfigError);
}

}  // namespace
}  // namespace flatsweep
