#include "flatsweep/analysis/level_crossing.hpp"

#include "flatsweep/base/random.hpp"
#include "properties.hpp"

#include <boost/math/tools/toms748_solve.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>

namespace flatsweep::level_crossing_test {
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

// Above the level between 1.9 and 3.1 only, and again far out or never; the guess of 8 from the curvature lies beyond.
TEST(LevelCrossing, AnExcursionBeforeTheGuessIsSeenWhereTheFunctionIsNotAsForetold) {
  const auto bump = [](double d) { return 1.2 * (std::exp(-(d - 2.5) * (d - 2.5)) - std::exp(-6.25)); };
  const double nearest = 2.5 - std::sqrt(-std::log((1.0 + 1.2 * std::exp(-6.25)) / 1.2));
  const auto alone = search(bump, 0.0, 0.031);
  EXPECT_NEAR(alone.right, nearest, tolerance * nearest);
  EXPECT_TRUE(std::isnan(alone.left));
  const auto with_more =
      search([&](double d) { return bump(d) + (d > 4.0 ? std::pow((d - 4.0) / 16.5, 2) : 0.0); }, 0.0, 0.031);
  EXPECT_NEAR(with_more.right, nearest, tolerance * nearest);
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

/// Convex with f(0) = 0, so that it crosses the level once on a side at most.
struct ConvexFunction {
  double slope, curvature, quartic, kink;
  double operator()(double d) const {
    return slope * d + curvature * d * d / 2 + quartic * d * d * d * d + kink * std::max(0.0, std::abs(d) - 0.5);
  }
};

ConvexFunction any_convex_function() {
  return {*real_between(-2.0, 2.0), *rc::gen::map(real_between(-9.0, 9.0), [](double x) { return std::exp(x); }),
          *real_between(0.0, 3.0), *real_between(0.0, 3.0)};
}

/// The nearest crossing on one side to the last digit, NaN where there is none up to `furthest`.
double bisected_crossing(const ConvexFunction& f, double sign, double furthest) {
  if (f(sign * furthest) < 1.0) return NAN;
  double low = 0.0, high = furthest;
  for (double middle = 0.5 * high; low < middle && middle < high; middle = 0.5 * (low + high))
    (f(sign * middle) < 1.0 ? low : high) = middle;
  return sign * high;
}

TEST(LevelCrossing, OfAnyConvexFunctionIsFoundWhateverTheGuess) {
  check_property(2000, [] {
    const auto f = any_convex_function();
    const double furthest = *rc::gen::element(2.0, 100.0, 1e4);
    const double wrong = *rc::gen::element(1.0, 1e-6, 1e6, -1.0, 0.0);
    const auto found = search(f, f.slope * wrong, f.curvature * wrong, furthest);
    for (const auto& [got, sign] : {std::pair(found.left, -1.0), std::pair(found.right, 1.0)}) {
      const double exact = bisected_crossing(f, sign, furthest);
      RC_ASSERT(std::isnan(got) == std::isnan(exact));
      if (!std::isnan(exact)) RC_ASSERT(std::abs(got - exact) <= tolerance * std::abs(exact));
    }
  });
}

/// One side of a function whose only crossing is known: a power of the distance, with a plateau on the way or with
/// waves that end where it crosses.
struct KnownSide {
  double crossing, power, waves, depth, plateau;
  double operator()(double distance) const {
    const double x = distance / crossing;
    if (x >= 1.0) return std::pow(x, power);
    const double dip = depth * std::pow(std::sin(waves * std::numbers::pi * x), 2);
    const double risen = std::pow(x, power) * (1.0 - dip);
    return plateau > 0.0 && x < 0.9 ? std::min(risen, plateau) : risen;
  }
};

KnownSide any_known_side() {
  return {.crossing = *rc::gen::map(real_between(-12.0, 6.0), [](double x) { return std::exp(x); }),
          .power = *rc::gen::element(0.5, 1.0, 2.0, 4.0, 12.0),
          .waves = *rc::gen::element(0.0, 1.0, 3.0, 10.0),
          .depth = *real_between(0.0, 0.9),
          .plateau = *rc::gen::element(0.0, 0.05, 0.5)};
}

// Steep and flat, of different widths on both sides, with what a quadratic model makes of a wrong curvature.
TEST(LevelCrossing, OfAnySideThatIsKnownIsFoundToTheTolerance) {
  check_property(3000, [] {
    const auto left = any_known_side(), right = any_known_side();
    const double curvature = *rc::gen::element(0.0, 1e-4, 1.0, 1e6, -1.0);
    const auto found = search([&](double d) { return d < 0.0 ? left(-d) : right(d); }, 0.0, curvature, 1e4);
    RC_ASSERT(std::abs(-found.left - left.crossing) <= tolerance * left.crossing);
    RC_ASSERT(std::abs(found.right - right.crossing) <= tolerance * right.crossing);
    RC_ASSERT(found.rounds <= 40);
  });
}

/// Does the crossing lie in a narrow bracket of evaluated points, with none above the level before it?
bool is_first_above(const LevelCrossings& found, double sign, double crossing) {
  double below = 0.0;
  auto points = found.profile;
  if (sign < 0) std::ranges::reverse(points);
  for (const auto& point : points) {
    const double distance = sign * point.position;
    if (distance < 0.0) continue;
    if (point.value >= 1.0)
      return below <= sign * crossing && sign * crossing <= distance && distance - below <= tolerance * distance;
    below = distance;
  }
  return std::isnan(crossing);
}

TEST(LevelCrossing, OfAnyFunctionIsTheFirstThatWasSeen) {
  check_property(1000, [] {
    const auto f = any_convex_function();
    const double height = *real_between(0.0, 2.0), frequency = *real_between(0.1, 60.0);
    const auto wavy = [&](double d) { return f(d) + height * std::sin(frequency * d); };
    const auto found = search(wavy, f.slope + height * frequency, f.curvature);
    RC_ASSERT(is_first_above(found, -1.0, found.left));
    RC_ASSERT(is_first_above(found, 1.0, found.right));
  });
}

TEST(LevelCrossing, OfTheMirroredFunctionIsMirrored) {
  check_property(1000, [] {
    const auto f = any_convex_function();
    const auto found = search(f, f.slope, f.curvature, 20.0);
    const auto mirrored = search([&](double d) { return f(-d); }, -f.slope, f.curvature, 20.0);
    const auto same = [](double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); };
    RC_ASSERT(same(found.left, -mirrored.right));
    RC_ASSERT(same(found.right, -mirrored.left));
  });
}

}  // namespace
}  // namespace flatsweep::level_crossing_test
