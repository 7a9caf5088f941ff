#include "flatsweep/nn/activation.hpp"

#include "nn/plain_activation.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace flatsweep::activation_test {
namespace {

using Kernel = void (*)(Activation, std::span<const float>, std::span<float>);

/// Every 0.0137 from -20 to 20, a number that fills no register.
std::vector<float> points() {
  std::vector<float> z;
  for (float x = -20.0F; x < 20.0F; x += 0.0137F) z.push_back(x);
  if (z.size() % 16 == 0) z.pop_back();
  return z;
}

std::vector<float> values(Kernel kernel, Activation kind, const std::vector<float>& z) {
  std::vector<float> out(z.size());
  kernel(kind, z, out);
  return out;
}

// Some roundings of numbers up to 1, or up to |z|.
constexpr double rounding = 3e-7;

TEST(Activation, ValuesAreThoseOfTheLibrary) {
  const auto z = points();
  for (const auto& [kind, word, sentence] : enum_words<Activation>) {
    const auto got = values(activate, kind, z);
    for (std::size_t i = 0; i < z.size(); ++i) {
      const auto expected = static_cast<double>(plain_activation(kind, z[i]));
      // The rounding of z^2/2 is in the exponent of gelu's tail.
      const double relative = (kind == Activation::gelu ? 1.5 + 0.25 * z[i] * z[i] : 1.5) * rounding;
      EXPECT_NEAR(got[i], expected, relative * std::abs(expected) + 1e-37) << word << " of " << z[i];
    }
  }
}

TEST(Activation, DerivativesEqualDifferencesOfTheLibrarysFunctions) {
  constexpr long double h = 1e-4L;  // errs by h^2/6 of the third derivative, 1e-8, and 1e-19/h^2 = 1e-11
  const auto z = points();
  for (const auto& [kind, word, sentence] : enum_words<Activation>) {
    const auto slope = values(activation_slope, kind, z), curvature = values(activation_curvature, kind, z);
    for (std::size_t i = 0; i < z.size(); ++i) {
      if (piecewise_linear(kind) && std::abs(z[i]) < 2e-4F) continue;
      const long double up = plain_activation(kind, z[i] + h), down = plain_activation(kind, z[i] - h),
                        at = plain_activation(kind, z[i]);
      EXPECT_NEAR(slope[i], static_cast<double>((up - down) / (2 * h)), 2 * rounding) << word << " at " << z[i];
      EXPECT_NEAR(curvature[i], static_cast<double>((up - 2 * at + down) / (h * h)), 2 * rounding)
          << word << " at " << z[i];
    }
  }
}

TEST(Activation, SlopeAtTheKinkIsThatOfNegativeNumbers) {
  const std::vector<float> zero = {0.0F};
  EXPECT_EQ(values(activation_slope, Activation::relu, zero)[0], 0.0F);
  EXPECT_EQ(values(activation_slope, Activation::leaky_relu, zero)[0], 0.01F);
  EXPECT_EQ(values(activation_slope, Activation::identity, zero)[0], 1.0F);
}

TEST(Activation, FarAwayNumbersAreFiniteAndNaNStaysNaN) {
  for (const auto& [kind, word, sentence] : enum_words<Activation>) {
    for (const auto kernel : {activate, activation_slope, activation_curvature})
      for (const float far : {-1e4F, 1e4F}) EXPECT_TRUE(std::isfinite(values(kernel, kind, {far})[0])) << word << far;
    for (const auto kernel : {activate, activation_slope, activation_curvature})
      EXPECT_TRUE(std::isnan(values(kernel, kind, {std::numeric_limits<float>::quiet_NaN()})[0])) << word;
  }
}

}  // namespace
}  // namespace flatsweep::activation_test
