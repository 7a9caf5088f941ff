#include "flatsweep/analysis/level_crossing.hpp"

#include "flatsweep/base/random.hpp"

#include <boost/math/tools/toms748_solve.hpp>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

namespace flatsweep {
namespace {

constexpr double tolerance = 1e-4;

LevelCrossings search(const std::function<double(double)>& f, double slope, double curvature, double furthest = 1e3) {
  const auto batch = [&](std::span<const double> points, std::span<double> values) {
    for (std::size_t i = 0; i < points.size(); ++i) values[i] = f(points[i]);
  };
  return find_level_crossings(batch, {slope, curvature, tolerance, furthest});
}

TEST(LevelCrossing, OfAParabolaIsTheClosedForm) {
  for (const double k : {1e-4, 0.3, 7.0, 1e5}) {
    const auto found = search([&](double d) { return 0.5 * k * d * d; }, 0.0, k);
    EXPECT_NEAR(found.right - found.left, std::sqrt(8.0 / k), tolerance * std::sqrt(8.0 / k));
    EXPECT_NEAR(found.left, -found.right, tolerance * found.right);
  }
}

TEST(LevelCrossing, WithDriftHasThePredictedWidth) {
  for (const double b : {-3.0, -0.2, 0.5, 4.0}) {
    const double k = 1.7;
    const auto found = search([&](double d) { return b * d + 0.5 * k * d * d; }, b, k);
    const double width = 2.0 / k * std::sqrt(b * b + 2.0 * k);
    EXPECT_NEAR(found.right - found.left, width, 2.0 * tolerance * width);
    EXPECT_NEAR(predicted_width(b, k), width, 1e-12 * width);
    EXPECT_NEAR(found.right, (-b + std::sqrt(b * b + 2.0 * k)) / k, tolerance * found.right);
  }
}

// A chord errs by (b - a)^2/(8 d) of a parabola whose crossing d it brackets by a and b.
TEST(LevelCrossing, LiesOnTheChordOfItsBracket) {
  for (const double guess : {0.8, 1.7, 4.0}) {
    const auto found = search([&](double d) { return 0.5 * 1.7 * d * d; }, 0.0, guess);
    const double exact = std::sqrt(2.0 / 1.7);
    EXPECT_NEAR(found.right, exact, tolerance * tolerance * exact) << guess;
    EXPECT_NEAR(found.left, -exact, tolerance * tolerance * exact) << guess;
  }
}

// The SI's example: no curvature at all, flatness 2 all the same.
TEST(LevelCrossing, OfTheSIsQuarticExampleIsTwoWide) {
  const double epsilon = 1e-3;
  const auto found = search([&](double d) { return std::pow(d, 4) / (epsilon * epsilon + d * d); }, 0.0, 0.0);
  EXPECT_NEAR(found.right - found.left, 2.0, 4.0 * tolerance);
}

TEST(LevelCrossing, SurvivesAWrongSlopeAndCurvature) {
  for (const double wrong : {1e-8, 1e8, -5.0}) {
    const auto found = search([](double d) { return 0.5 * d * d; }, 0.0, wrong, 1e4);
    EXPECT_NEAR(found.right, std::sqrt(2.0), tolerance * 1.5);
    EXPECT_NEAR(found.left, -std::sqrt(2.0), tolerance * 1.5);
  }
}

TEST(LevelCrossing, ASideThatNeverReachesTheLevelIsUnbounded) {
  const auto found = search([](double d) { return d > 0.0 ? d * d : -std::tanh(-d); }, 0.0, 2.0);
  EXPECT_NEAR(found.right, 1.0, tolerance);
  EXPECT_TRUE(std::isnan(found.left));
  EXPECT_TRUE(std::isnan(predicted_width(0.1, 0.0)));
}

TEST(LevelCrossing, AFlatFunctionIsUnboundedOnBothSides) {
  const auto found = search([](double) { return 0.0; }, 0.0, 0.0);
  EXPECT_TRUE(std::isnan(found.left));
  EXPECT_TRUE(std::isnan(found.right));
}

TEST(LevelCrossing, HandlesInfinityBeyondACliff) {
  const auto found = search([](double d) { return std::abs(d) > 0.9 ? INFINITY : 0.1 * d * d; }, 0.0, 0.2);
  EXPECT_NEAR(found.right, 0.9, 2.0 * tolerance);
  EXPECT_NEAR(found.left, -0.9, 2.0 * tolerance);
}

// As ln L - ln L_0 where L_0 is 0: infinite everywhere but at 0.
TEST(LevelCrossing, AFunctionThatJumpsAtZeroHasNoCrossingThere) {
  const auto both = search([](double d) { return d == 0.0 ? 0.0 : INFINITY; }, NAN, NAN);
  EXPECT_TRUE(std::isnan(both.left) && std::isnan(both.right));
  const auto right = search([](double d) { return d > 0.0 ? 700.0 : 0.5 * d * d; }, 0.0, 1.0);
  EXPECT_NEAR(right.left, -std::sqrt(2.0), 2.0 * tolerance);
  EXPECT_TRUE(std::isnan(right.right));
}

// The oracle: Boost's one-dimensional solver on each side by itself, to full precision.
TEST(LevelCrossing, AgreesWithOneRootFinderPerSide) {
  Random random(4, RandomPurpose::simulation);
  for (int trial = 0; trial < 200; ++trial) {
    const double b = random.uniform(-1.0, 1.0), k = std::exp(random.uniform(-6.0, 6.0));
    const double cubic = random.uniform(-0.1, 0.1) * std::pow(k, 1.5), quartic = random.uniform(0.02, 0.2) * k * k;
    const auto f = [&](double d) { return b * d + k * d * d / 2 + cubic * d * d * d + quartic * d * d * d * d; };
    const auto found = search(f, b, k, 1e6);
    for (const double side : {-1.0, 1.0}) {
      // March out in small steps to the first crossing, then polish it.
      double low = 0.0, step = 1e-3 / std::sqrt(k + b * b);
      while (f(side * (low + step)) < 1.0) low += step;
      std::uintmax_t steps = 100;
      const auto exact = boost::math::tools::toms748_solve([&](double d) { return f(side * d) - 1.0; }, low, low + step,
                                                           boost::math::tools::eps_tolerance<double>(50), steps);
      const double got = side > 0 ? found.right : -found.left;
      EXPECT_NEAR(got, exact.first, tolerance * exact.first) << "trial " << trial;
    }
    EXPECT_LE(found.rounds, 8) << "trial " << trial;
  }
}

TEST(LevelCrossing, ProfileHoldsEveryPointInOrder) {
  const auto found = search([](double d) { return d * d; }, 0.0, 2.0);
  for (std::size_t i = 1; i < found.profile.size(); ++i)
    EXPECT_LE(found.profile[i - 1].position, found.profile[i].position);
  for (const auto& point : found.profile) EXPECT_DOUBLE_EQ(point.value, point.position * point.position);
}

}  // namespace
}  // namespace flatsweep
