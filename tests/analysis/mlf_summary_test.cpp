#include "flatsweep/analysis/mlf_summary.hpp"

#include "flatsweep/base/index.hpp"
#include "flatsweep/base/random.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace flatsweep::mlf_summary_test {
namespace {
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// Samples drawn as the SI pictures them: theta_i ~ N(0, (F/2)^2), M_ii ~ N(4/F^2, (1/F^2)^2), M_ij ~ N(0, ...), all
/// independent; direction 1 drifts.
struct Planted {
  static constexpr int n = 20, minibatches = 2000;
  MlfDirections along;
  MlfSamples samples;

  Planted() {
    Random random(11, RandomPurpose::simulation);
    samples.log_loss.assign(minibatches, -3.0);
    for (auto* matrix : {&samples.theta, &samples.m_diagonal, &samples.gradient}) matrix->resize(n, minibatches);
    for (int i = 0; i < n; ++i) {
      const double width = 0.1 * std::pow(100.0, static_cast<double>(i) / n), m = 4.0 / (width * width);
      along.direction.push_back(3 * i);
      along.flatness.push_back(width);
      along.curvature.push_back(2.0 * m);
      for (int mu = 0; mu < minibatches; ++mu) {
        samples.theta(i, mu) = 0.5 * width * random.normal() + (i == 0 ? 2.0 * width : 0.0);
        samples.m_diagonal(i, mu) = m * (1.0 + 0.25 * random.normal());
        samples.gradient(i, mu) = -samples.m_diagonal(i, mu) * samples.theta(i, mu);
      }
    }
    samples.theta_newton = -samples.gradient.array() / samples.m_diagonal.array();
    for (int i = 0; i + 1 < n; ++i) samples.pairs.push_back({i, i + 1});
    samples.m_off_diagonal.resize(n - 1, minibatches);
    for (auto& m : samples.m_off_diagonal.reshaped()) m = random.normal();
    samples.direction = along.direction;
    samples.mean_loss_curvature.assign(n, 1.0);
  }
  [[nodiscard]] MlfSummary summary(const PsiOptions& fit = {3, 60, 0.0, 1}) const {
    return summarise(samples, along, fit);
  }
};

// 2000 minibatches know a standard deviation to 1.6 % and a mean of M to 0.6 %, against a range of F of 90: exponents
// err by about 0.016/1.3/sqrt(20) = 0.003 and twice that for squares; four of them.
TEST(MlfSummary, RecoversPlantedExponents) {
  const auto s = Planted().summary().scaling;
  EXPECT_EQ(s.sigma.points, 19);  // direction 1 is outside the range
  EXPECT_NEAR(s.sigma.value, 1.0, 0.012);
  EXPECT_NEAR(s.sigma_robust.value, 1.0, 0.018);
  EXPECT_NEAR(s.sigma_newton_robust.value, 1.0, 0.018);
  EXPECT_NEAR(s.m_mean.value, -2.0, 0.005);
  EXPECT_NEAR(s.product.value, -2.0, 0.03);
  EXPECT_NEAR(s.product_robust.value, -2.0, 0.04);
  EXPECT_NEAR(s.gradient_variance.value, -2.0, 0.03);
}

// Both ends of the range are in it; what stands just outside is far from the law.
TEST(MlfSummary, FitsItsRangeAndNothingBeside) {
  Planted planted;
  const auto clean = planted.summary({6, 51, 0.0, 1});
  for (const Index outside : {0, 1, 18, 19}) {
    planted.samples.theta.row(outside) *= 1e3;
    planted.samples.theta_newton.row(outside) *= 1e3;
    planted.samples.m_diagonal.row(outside) *= 1e-4;
    planted.samples.gradient.row(outside) *= 1e5;
    planted.samples.mean_loss_curvature[outside] = 1e9;
    planted.along.curvature[outside] = 1e9;
  }
  const auto with_outliers = planted.summary({6, 51, 0.0, 1});
  const auto all = [](const MlfScaling& s) {
    return std::vector<Exponent>{s.sigma,   s.sigma_robust,   s.sigma_newton_robust, s.m_mean,
                                 s.product, s.product_robust, s.gradient_variance};
  };
  for (std::size_t i = 0; i < 7; ++i) {
    const auto expected = all(clean.scaling)[i], found = all(with_outliers.scaling)[i];
    EXPECT_EQ(found.points, 16) << i;  // directions 6, 9, ..., 51
    EXPECT_EQ(found.value, expected.value) << i;
    EXPECT_EQ(found.low, expected.low) << i;
    EXPECT_EQ(found.high, expected.high) << i;
  }
  EXPECT_EQ(with_outliers.ratios.ensemble, clean.ratios.ensemble);
  EXPECT_EQ(with_outliers.ratios.ensemble_robust, clean.ratios.ensemble_robust);
  EXPECT_EQ(with_outliers.ratios.gradient, clean.ratios.gradient);
  EXPECT_EQ(with_outliers.ratios.weighted, clean.ratios.weighted);
  EXPECT_EQ(with_outliers.ratios.measured, clean.ratios.measured);
}

// Rows differ in everything, so that a width of one kind cannot stand for another.
TEST(MlfSummary, TakesEveryExponentFromItsOwnSamples) {
  Planted planted;
  auto& s = planted.samples;
  for (Index i = 0; i < Planted::n; ++i) {
    const double x = planted.along.flatness[i];
    for (Index mu = 0; mu < Planted::minibatches; ++mu) {
      const double side = mu % 2 == 0 ? 1.0 : -1.0;  // half of the samples on either side of the mean
      const double far = mu % 10 < 2 ? 4.0 : 1.0;    // a fifth further away: no part of the quartiles
      s.theta(i, mu) = side * (far == 1.0 ? std::pow(x, 0.5) : 4.0 * std::pow(x, 2.5));
      s.theta_newton(i, mu) = side * std::pow(x, 1.5);
      s.m_diagonal(i, mu) = std::pow(x, -2.5);
      s.gradient(i, mu) = side * std::pow(x, 0.25);
    }
  }
  const auto scaling = planted.summary().scaling;
  const double largest = 4.0 * std::pow(planted.along.flatness.back(), 2.5);
  EXPECT_GT(largest, 10.0);
  EXPECT_NEAR(scaling.sigma_robust.value, 0.5, 1e-9);
  EXPECT_NEAR(scaling.sigma_newton_robust.value, 1.5, 1e-9);
  EXPECT_NEAR(scaling.m_mean.value, -2.5, 1e-9);
  EXPECT_NEAR(scaling.product_robust.value, 2.0 * (0.5 - 2.5), 1e-9);
  EXPECT_NEAR(scaling.gradient_variance.value, 0.5, 1e-9);
  EXPECT_NEAR(scaling.product.value, 2.0 * (scaling.sigma.value - 2.5), 1e-9);
  EXPECT_GT(scaling.sigma.value, 0.6);
}

// With M = 4/F^2, sigma_M = M/4 and sigma~ = F/2: sigma~^2 (M^2 + sigma_M^2) = (1 + 1/16) M, so that the ensemble gives
// 2.0625 M, which is 8.25/F^2, to a few per cent of statistical error each and 1 % in the median.
TEST(MlfSummary, ClosesOnTheModelThatTheSamplesComeFrom) {
  const Planted planted;
  const auto s = planted.summary();
  EXPECT_NEAR(s.ratios.ensemble, 8.25 / 8.0, 0.03);
  EXPECT_NEAR(s.ratios.ensemble_robust, 8.25 / 8.0, 0.03);
  EXPECT_NEAR(s.ratios.gradient, 8.25 / 8.0, 0.03);
  EXPECT_NEAR(s.ratios.measured, 1.0, 1e-12);
  for (std::size_t i = 1; i < Planted::n; ++i) EXPECT_EQ(s.closure.ensemble[i], s.closure.ensemble_as_printed[i]);
  // Direction 1 drifts by 2 F: sigma_M^2 theta_1^2 = M^2/16 * 4 F^2 = M is what the printed form leaves out.
  EXPECT_NEAR(s.drift, 0.2, 0.005);
  const double m = 4.0 / 0.01;
  EXPECT_NEAR(s.closure.ensemble[0] - s.closure.ensemble_as_printed[0], m, 0.15 * m);
  EXPECT_NEAR(s.closure.gradient[0], s.closure.ensemble[0], 0.1 * s.closure.ensemble[0]);
}

const MlfCorrelation& named(const MlfSummary& summary, const std::string& name) {
  return *std::ranges::find(summary.correlations, name, &MlfCorrelation::name);
}

// One band in twenty leaves out a true 0: of 20, five or more in 0.3 % of all draws.
TEST(MlfSummary, FindsNoCorrelationAmongIndependentSamples) {
  const auto s = Planted().summary();
  ASSERT_EQ(s.correlations.size(), 6U);
  for (const auto& c : s.correlations) {
    EXPECT_LT(c.linear_share, 0.25) << c.name;
    EXPECT_LT(c.rank_share, 0.25) << c.name;
    EXPECT_EQ(c.linear.size(), c.over == MlfCorrelation::Over::pairs ? 19U : 20U);
  }
}

// theta_i ~ N(0, 1/M_ii): uncorrelated with M_ii, and yet not independent of it.
TEST(MlfSummary, FindsADependenceThatLeavesNoCorrelation) {
  Planted planted;
  auto& s = planted.samples;
  s.theta = s.theta.array() / s.m_diagonal.array().abs();
  s.theta.row(0).setConstant(nan);
  const auto summary = planted.summary();
  EXPECT_LT(named(summary, "theta_i_m_ii").rank_share, 0.25);
  EXPECT_GT(named(summary, "abs_theta_i_m_ii").rank_share, 0.95);
  for (std::size_t i = 1; i < Planted::n; ++i) EXPECT_LT(named(summary, "abs_theta_i_m_ii").rank[i].high, 0.0);
}

TEST(MlfSummary, LeavesOutWhatNeedsMinimaWhenThereAreNone) {
  Planted planted;
  planted.samples.theta.setConstant(nan);
  const auto s = planted.summary();
  EXPECT_TRUE(std::isnan(s.drift) && std::isnan(s.scaling.sigma.value) && std::isnan(s.ratios.ensemble));
  EXPECT_NEAR(s.scaling.m_mean.value, -2.0, 0.005);
  EXPECT_NEAR(s.ratios.gradient, 8.25 / 8.0, 0.03);
}

}  // namespace
}  // namespace flatsweep::mlf_summary_test
