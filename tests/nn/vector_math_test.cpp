#include "flatsweep/nn/vector_math.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace flatsweep::vector_math_test {
namespace {

TEST(BoundedExponential, AgreesWithTheLibraryOverItsWholeRange) {
  // Two units in the last place of single precision.
  constexpr double tolerance = 2.0 * std::numeric_limits<float>::epsilon();
  for (float x = 87.0F; x > -87.0F; x -= 0.00137F) {
    const Vector got = bounded_exponential(Vector{} + x);
    const double expected = std::exp(static_cast<double>(x));
    EXPECT_NEAR(got[vector_lanes - 1], expected, tolerance * expected) << x;
  }
}

TEST(BoundedExponential, TreatsEveryLaneByItself) {
  Vector x;
  for (int i = 0; i < vector_lanes; ++i) x[i] = -0.31F * static_cast<float>(i * i);
  const Vector got = bounded_exponential(x);
  for (int i = 0; i < vector_lanes; ++i) EXPECT_FLOAT_EQ(got[i], std::exp(x[i]));
}

TEST(BoundedExponential, IsOneAtZeroAndZeroFarBelow) {
  EXPECT_EQ(bounded_exponential(Vector{})[0], 1.0F);
  for (const float far : {-88.0F, -1e4F, -std::numeric_limits<float>::infinity()}) {
    EXPECT_EQ(bounded_exponential(Vector{} + far)[3], 0.0F);
  }
}

TEST(BoundedExponential, KeepsNaN) {
  EXPECT_TRUE(std::isnan(bounded_exponential(Vector{} + std::numeric_limits<float>::quiet_NaN())[0]));
}

Vector logarithm_of_all(float x) { return log_of_one_plus(Vector{} + x); }

// Numbers from the smallest that a loss can have to far more than single outputs reach, a dozen to every octave.
TEST(VectorMath, LogarithmOfOnePlusIsExactToTwoUnitsInTheLastPlace) {
  for (double x = 1e-38; x < 1e30; x *= 1.0588) {
    const auto argument = static_cast<float>(x);
    const double exact = std::log1p(static_cast<double>(argument));
    const double unit =
        std::nextafter(static_cast<float>(exact), 1e9F) - static_cast<double>(static_cast<float>(exact));
    EXPECT_NEAR(logarithm_of_all(argument)[vector_lanes - 1], exact, 2.0 * unit) << argument;
  }
  EXPECT_EQ(logarithm_of_all(0.0F)[0], 0.0F);
  EXPECT_TRUE(std::isnan(logarithm_of_all(std::nanf(""))[3]));
}

}  // namespace
}  // namespace flatsweep::vector_math_test
