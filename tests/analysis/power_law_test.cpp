#include "flatsweep/analysis/power_law.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/random.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace flatsweep::power_law_test {
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

/// A relation as PCA makes it: F grows with the number of the direction, and residuals of neighbours correlate by rho.
PowerLawSample principal_directions(double exponent, double rho, int points, Random& random) {
  PowerLawSample sample;
  double residual = random.normal();
  for (int i = 0; i < points; ++i) {
    const double log_x = std::log(30.0) * i / (points - 1) + 0.2 * random.normal();
    sample.x.push_back(std::exp(log_x));
    sample.y.push_back(std::exp(exponent * log_x + 0.4 * residual));
    residual = rho * residual + std::sqrt(1.0 - rho * rho) * random.normal();
  }
  return sample;
}

bool covers(const Exponent& fit, double truth) { return fit.low <= truth && truth <= fit.high; }

/// How often intervals of made-up samples lie wholly below and wholly above the truth.
struct Misses {
  int below = 0, above = 0;
  template <class Make>
  Misses(int trials, double truth, Make make) {
    for (int trial = 0; trial < trials; ++trial) {
      Random random(trial, RandomPurpose::simulation);
      const std::vector<PowerLawSample> samples = make(random);
      const auto fit = fit_power_law(samples);
      below += fit.high < truth ? 1 : 0;
      above += fit.low > truth ? 1 : 0;
    }
  }
};

TEST(PowerLaw, IsExactWithoutNoise) {
  Random random(1, RandomPurpose::simulation);
  const std::vector<PowerLawSample> samples = {simulate(-3.5, 0.25, 0.0, 40, random)};
  const auto fit = fit_power_law(samples);
  // Rounding of logarithms up to ln(100^3.5) = 16 and of sums of 40 terms.
  EXPECT_NEAR(fit.value, -3.5, 1e-12);
  EXPECT_NEAR(fit.low, -3.5, 1e-12);
  EXPECT_NEAR(fit.high, -3.5, 1e-12);
  EXPECT_NEAR(fit.log_prefactor, std::log(0.25), 1e-12);
  EXPECT_EQ(fit.points, 40);
  EXPECT_EQ(fit.seeds, 1);
  EXPECT_EQ(fit.interval, Interval::within_seeds);
  EXPECT_EQ(fit.status, FitStatus::ok);
}

// Slope sum (x - mx)(y - my) / sum (x - mx)^2 of ln x = 0..9, by hand: residuals +d, -d, ... have the slope
// -d 5 / 82.5, for sum (i - 4.5)(-1)^i = -5 and sum (i - 4.5)^2 = 82.5, and the mean 0.
TEST(PowerLaw, IsTheLeastSquaresLineOfLogarithms) {
  PowerLawSample sample;
  const double d = 0.3;
  for (int i = 0; i < 10; ++i) {
    sample.x.push_back(std::exp(i));
    sample.y.push_back(std::exp(2.0 + 1.5 * i + (i % 2 == 0 ? d : -d)));
  }
  const auto fit = fit_power_law({&sample, 1});
  EXPECT_NEAR(fit.value, 1.5 - d * 5.0 / 82.5, 1e-12);
  EXPECT_NEAR(fit.log_prefactor, 2.0 + 4.5 * (1.5 - fit.value), 1e-12);
  // Neighbours that deviate to opposite sides count as independent ones: t(8) = 2.306 standard errors, the squares of
  // the residuals being 10 d^2 less the slope's part (5 d)^2 / 82.5, over 8.
  const double squares = 10.0 * d * d - 25.0 * d * d / 82.5;
  EXPECT_NEAR((fit.high - fit.low) / 2.0, 2.306004 * std::sqrt(squares / 8.0 / 82.5), 1e-6);
  EXPECT_NEAR((fit.high + fit.low) / 2.0, fit.value, 1e-12);
}

// Seeds' exponents 1, 2, 3, 6: mean 3, standard deviation sqrt(14/3), t(3) = 3.182446 (Student's table).
TEST(PowerLaw, IntervalOverSeedsIsStudents) {
  std::vector<PowerLawSample> samples;
  for (const double exponent : {1.0, 2.0, 3.0, 6.0}) {
    auto& sample = samples.emplace_back();
    for (int i = 0; i < 12; ++i) {
      sample.x.push_back(std::exp(0.1 * i));
      sample.y.push_back(7.0 * std::pow(sample.x.back(), exponent));
    }
  }
  const auto four = fit_power_law(samples);
  EXPECT_NEAR(four.value, 3.0, 1e-12);
  EXPECT_NEAR(four.high - four.value, 3.182446 * std::sqrt(14.0 / 3.0 / 4.0), 1e-5);
  EXPECT_NEAR(four.value - four.low, 3.182446 * std::sqrt(14.0 / 3.0 / 4.0), 1e-5);
  EXPECT_NEAR(four.log_prefactor, std::log(7.0), 1e-12);
  EXPECT_EQ(four.points, 48);
  EXPECT_EQ(four.seeds, 4);
  EXPECT_EQ(four.interval, Interval::over_seeds);
  // 1, 2, 3: t(2) = 4.302653.
  const auto three = fit_power_law(std::span(samples).first(3));
  EXPECT_NEAR(three.high - 2.0, 4.302653 / std::sqrt(3.0), 1e-5);
}

TEST(OverSeeds, HasTheScatterWithinSeedsBelowThree) {
  const auto seed = [](double value, double reach) {
    Exponent e;
    e.value = value, e.low = value - reach, e.high = value + reach, e.points = 20, e.seeds = 1;
    e.interval = Interval::within_seeds;
    e.status = FitStatus::ok;
    return e;
  };
  const std::vector<Exponent> two = {seed(4.0, 0.3), seed(5.0, 0.4)};
  const auto both = over_seeds(two);
  EXPECT_EQ(both.value, 4.5);
  EXPECT_NEAR(both.high - both.value, std::sqrt((0.09 + 0.16) / 2.0), 1e-14);
  EXPECT_EQ(both.interval, Interval::within_seeds);
  EXPECT_EQ(both.seeds, 2);
  EXPECT_EQ(both.points, 40);
  Exponent refused;
  refused.status = FitStatus::narrow;
  refused.points = 9;
  const std::vector<Exponent> mixed = {refused, seed(4.0, 0.3)};
  EXPECT_EQ(over_seeds(mixed).value, 4.0);
  EXPECT_EQ(over_seeds(mixed).seeds, 1);
  EXPECT_EQ(over_seeds(mixed).points, 20);
  EXPECT_EQ(over_seeds(mixed).status, FitStatus::ok);
  const auto none = over_seeds(std::span(mixed).first(1));
  EXPECT_TRUE(std::isnan(none.value) && std::isnan(none.low) && std::isnan(none.high));
  EXPECT_EQ(none.status, FitStatus::narrow);
  EXPECT_EQ(none.points, 9);
  EXPECT_EQ(none.interval, Interval::none);
  EXPECT_EQ(over_seeds({}).status, FitStatus::not_measured);
}

// Ends at 2.5 and 97.5 %: each side misses 25 of 1000, give or take 5. Three deviations; a 5 % end misses 50.
TEST(PowerLaw, BothEndsOfTheIntervalOfIndependentPointsMissOnceInForty) {
  const Misses misses(1000, 1.0, [](Random& random) { return std::vector{simulate(1.0, 1.0, 0.5, 200, random)}; });
  for (const int side : {misses.below, misses.above}) {
    EXPECT_GE(side, 10);
    EXPECT_LE(side, 40);
  }
}

// Relations of known psi with correlated directions, one seed: between 90 and 98 % of 200. Counted as independent
// these directions would give 75 and 50 %.
TEST(PowerLaw, IntervalWithinASeedCoversThoughNeighboursDeviateTogether) {
  for (const int points : {120, 500})
    for (const double rho : {0.0, 0.5, 0.8}) {
      const Misses misses(200, -4.0,
                          [&](Random& random) { return std::vector{principal_directions(-4.0, rho, points, random)}; });
      EXPECT_GE(200 - misses.below - misses.above, 180) << points << " points, rho " << rho;
      EXPECT_LE(200 - misses.below - misses.above, 197) << points << " points, rho " << rho;
    }
}

// PCA orders directions by variance: given y, deviations in x are what is left to chance.
TEST(PowerLaw, IntervalWithinASeedCoversWhereDirectionsAreInOrderOfVariance) {
  const Misses misses(1000, -4.0, [](Random& random) {
    const auto all = simulate(-4.0, 1.0, 0.6, 120, random);
    std::vector<std::size_t> order(all.x.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::sort(order, std::greater{}, [&](std::size_t i) { return all.y[i]; });
    PowerLawSample sorted;
    for (const std::size_t i : order) sorted.x.push_back(all.x[i]), sorted.y.push_back(all.y[i]);
    return std::vector{sorted};
  });
  EXPECT_GE(1000 - misses.below - misses.above, 930);
  EXPECT_LE(1000 - misses.below - misses.above, 985);
}

// Seeds with exponents of their own, 0.1 apart, and correlated directions: between 90 and 98 % of 200, at any number
// of seeds; over 1000 both ends miss 25, give or take 5 (a 5 % end 50).
TEST(PowerLaw, IntervalOverSeedsCoversAtThreeFiveAndTenSeeds) {
  for (const int seeds : {3, 5, 10}) {
    const auto make = [&](Random& random) {
      std::vector<PowerLawSample> samples;
      for (int seed = 0; seed < seeds; ++seed)
        samples.push_back(principal_directions(-4.0 + 0.1 * random.normal(), 0.8, 60, random));
      return samples;
    };
    const Misses few(200, -4.0, make);
    EXPECT_GE(200 - few.below - few.above, 180) << seeds;
    EXPECT_LE(200 - few.below - few.above, 196) << seeds;
    const Misses many(1000, -4.0, make);
    for (const int side : {many.below, many.above}) {
      EXPECT_GE(side, 10) << seeds;
      EXPECT_LE(side, 40) << seeds;
    }
  }
}

TEST(PowerLaw, ValueLiesInItsInterval) {
  for (int trial = 0; trial < 50; ++trial) {
    Random random(trial, RandomPurpose::simulation);
    std::vector<PowerLawSample> samples;
    for (int seed = 0; seed <= trial % 5; ++seed) samples.push_back(simulate(2.0, 1.0, 1.0, 9 + 20 * seed, random));
    const auto fit = fit_power_law(samples);
    EXPECT_TRUE(covers(fit, fit.value)) << trial;
  }
}

TEST(PowerLaw, LeavesOutWhatIsNotPositiveAndFinite) {
  const double infinite = std::numeric_limits<double>::infinity();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<PowerLawSample> samples = {
      {{1, 2, 4, 8, -1, 3, 3, 3, 0}, {3, 6, 12, 24, 5, 0, infinite, nan, 1}}, {{nan}, {1}}, {}};
  const auto fit = fit_power_law(samples, 4);
  EXPECT_EQ(fit.points, 4);
  EXPECT_NEAR(fit.value, 1.0, 1e-14);  // rounding of four logarithms
  EXPECT_NEAR(fit.log_prefactor, std::log(3), 1e-14);
  EXPECT_EQ(fit.seeds, 1);
}

/// ln x evenly from 0 to `span`, y = x^-4.
PowerLawSample even(int points, double span) {
  PowerLawSample sample;
  for (int i = 0; i < points; ++i) {
    sample.x.push_back(std::exp(span * i / (points - 1)));
    sample.y.push_back(std::pow(sample.x.back(), -4.0));
  }
  return sample;
}

void expect_refused(const PowerLawSample& sample, FitStatus status, int points) {
  const auto fit = fit_power_law({&sample, 1});
  EXPECT_TRUE(std::isnan(fit.value) && std::isnan(fit.low) && std::isnan(fit.high) && std::isnan(fit.log_prefactor));
  EXPECT_EQ(fit.status, status);
  EXPECT_EQ(fit.points, points);
  EXPECT_EQ(fit.seeds, 0);
  EXPECT_EQ(fit.interval, Interval::none);
}

TEST(PowerLaw, IsNotANumberForFewPoints) {
  expect_refused(even(7, 3.0), FitStatus::too_few_points, 7);
  expect_refused({{1, 2, 4, 8}, {9, 4, 1, 0.1}}, FitStatus::too_few_points, 4);
  const auto eight = even(8, 3.0);
  EXPECT_NEAR(fit_power_law({&eight, 1}).value, -4.0, 1e-12);
  const auto two = fit_power_law(std::vector<PowerLawSample>{{{1, 2, 3}, {1, 2, -3}}}, 1);
  EXPECT_EQ(two.points, 2);  // a line through two points is none
  EXPECT_TRUE(std::isnan(two.value));
  EXPECT_EQ(fit_power_law({}).points, 0);
}

TEST(PowerLaw, IsNotANumberWhereXHardlyVaries) {
  expect_refused(even(100, 0.69), FitStatus::narrow, 100);  // ln 2 = 0.693
  expect_refused({std::vector<double>(20, 3.0), std::vector<double>(20, 1.0)}, FitStatus::narrow, 20);
  const auto wider = even(100, 0.70);
  EXPECT_NEAR(fit_power_law({&wider, 1}).value, -4.0, 1e-12);
}

// Eight points with residuals of 10 in ln y over ln x from 0 to 1: a standard error of some 10.
TEST(PowerLaw, IsNotANumberWhereItIsNotKnown) {
  auto sample = even(8, 1.0);
  for (std::size_t i = 0; i < 8; ++i) sample.y[i] *= std::exp(i % 2 == 0 ? 10.0 : -10.0);
  expect_refused(sample, FitStatus::uncertain, 8);
}

// Without a relation at all the exponent is 0, which is a result.
TEST(PowerLaw, OfAConstantIsZero) {
  auto sample = even(30, 3.0);
  std::ranges::fill(sample.y, 5.0);
  const auto fit = fit_power_law({&sample, 1});
  EXPECT_NEAR(fit.value, 0.0, 1e-14);
  EXPECT_TRUE(covers(fit, fit.value));
}

TEST(PowerLaw, RefusesPairsThatAreNotPairs) {
  EXPECT_THROW((void)fit_power_law(std::vector<PowerLawSample>{{{1, 2, 3}, {1, 2}}}), ConfigError);
}

TEST(FitStatus, ComesBackFromItsText) {
  for (const auto status :
       {FitStatus::ok, FitStatus::not_measured, FitStatus::too_few_points, FitStatus::narrow, FitStatus::uncertain})
    EXPECT_EQ(from_word<FitStatus>(to_string(status)), status);
  EXPECT_EQ(from_word<FitStatus>("fine"), std::nullopt);
}

TEST(Negated, TurnsTheInterval) {
  Exponent e;
  e.value = -4.0, e.low = -4.5, e.high = -3.7, e.points = 12;
  const auto psi = negated(e);
  EXPECT_EQ(psi.value, 4.0);
  EXPECT_EQ(psi.low, 3.7);
  EXPECT_EQ(psi.high, 4.5);
  EXPECT_EQ(psi.points, 12);
}

}  // namespace
}  // namespace flatsweep::power_law_test
