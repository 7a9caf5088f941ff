#include "flatsweep/analysis/logit_margin.hpp"

#include "flatsweep/base/index.hpp"
#include "flatsweep/base/random.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace flatsweep::logit_margin_test {
namespace {
using Eigen::VectorXd;

constexpr double rounding = 1e-12;  // sums of a few doubles of order one

TEST(LogitMargin, GivesTheCrossEntropyOfTheSample) {
  Random random(1, RandomPurpose::simulation);
  Eigen::ArrayXXf logits = Eigen::ArrayXXf::NullaryExpr(40, 7, [&] { return static_cast<float>(9 * random.normal()); });
  for (Index s = 0; s < logits.rows(); ++s) {
    const auto label = static_cast<std::uint8_t>(s % 7);
    long double sum = 0.0L, largest = -1e9L;
    for (Index c = 0; c < 7; ++c) {
      if (c == label) continue;
      sum += std::exp(static_cast<long double>(logits(s, c)) - logits(s, label));
      largest = std::max<long double>(largest, logits(s, c));
    }
    const auto found = logit_margin(logits, s, label);
    EXPECT_EQ(found.gap, static_cast<double>(logits(s, label) - largest));
    EXPECT_EQ(gap_only(logits, s, label), found.gap);
    const SamplesAtZero sample{VectorXd::Constant(1, found.gap), VectorXd::Constant(1, found.log_others)};
    const auto expected = static_cast<double>(std::log1p(sum));
    // ln a - gap is a difference of numbers up to 30, so that the exponential keeps 30 times less.
    EXPECT_NEAR(sample.loss()(0), expected, 30 * rounding * expected);
  }
}

TEST(GapLines, OfHandMadeGaps) {
  const VectorXd theta = VectorXd::LinSpaced(3, 1.0, 3.0);
  Eigen::MatrixXd gaps(3, 5);
  gaps.col(0) << 5, 7, 9;                 // a line
  gaps.col(1) << 0, 1, 0;                 // no line at all
  gaps.col(2) << 0, 1, 5;                 // slope 2.5; residuals (0.5, -1, 0.5) of deviations (-2, -1, 3)
  gaps.col(3).setConstant(4.0);           // level
  gaps.col(4) << 20, 20.00001, 19.99999;  // level to single precision
  const auto lines = fit_gap_lines(theta, gaps);
  const std::vector<double> slope = {2, 0, 2.5}, intercept = {3, 1.0 / 3, -3, 4, 20}, r_squared = {1, 0, 1 - 1.5 / 14};
  for (Index k = 0; k < 3; ++k) {
    const auto i = static_cast<std::size_t>(k);
    EXPECT_NEAR(lines.slope(k), slope[i], rounding);
    EXPECT_NEAR(lines.r_squared(k), r_squared[i], rounding);
  }
  for (Index k = 0; k < 5; ++k) EXPECT_NEAR(lines.intercept(k), intercept[k], 1e-5);
  for (const Index k : {3, 4}) EXPECT_TRUE(std::isnan(lines.r_squared(k)) && std::isnan(lines.slope(k)));
}

/// Two kinds of samples, in the proportion 1:3: hard ones (loss large, slope `hard`) and easy ones.
struct TwoKinds {
  static constexpr Index count = 8;
  double hard_gap = 2.0, easy_gap = 7.0, hard = 0.3, easy = 1.1;
  VectorXd theta = VectorXd::LinSpaced(9, -0.8, 1.6);
  [[nodiscard]] SamplesAtZero samples() const {
    SamplesAtZero samples{VectorXd::Constant(count, easy_gap), VectorXd::Zero(count)};
    samples.gap(0) = samples.gap(4) = hard_gap;
    return samples;
  }
  [[nodiscard]] VectorXd slope() const {
    VectorXd slope = VectorXd::Constant(count, easy);
    slope(0) = slope(4) = hard;
    return slope;
  }
  /// The true ln L_1 when gaps are lines and there is one wrong class.
  [[nodiscard]] double log_loss(double t) const {
    return std::log(0.25 * std::log1p(std::exp(-hard_gap - hard * t)) +
                    0.75 * std::log1p(std::exp(-easy_gap - easy * t)));
  }
  [[nodiscard]] VectorXd measured() const {
    return theta.unaryExpr([this](double t) { return log_loss(t); });
  }
};

TEST(LossClosure, InFullIsExactForStraightGaps) {
  const TwoKinds problem;
  const auto found = close_loss(problem.samples(), problem.slope(), problem.theta, problem.measured());
  EXPECT_LT(found.full.max_error, rounding);
  EXPECT_LE(found.full.rms_error, found.full.max_error);
}

TEST(LossClosure, ByExponentialsAndCumulantsHasItsClosedForm) {
  const TwoKinds problem;
  const auto found = close_loss(problem.samples(), problem.slope(), problem.theta, problem.measured());
  const double hard = 0.25 * std::log1p(std::exp(-2.0)), easy = 0.75 * std::log1p(std::exp(-7.0)), total = hard + easy;
  const double beta = (hard * 0.3 + easy * 1.1) / total, half = 0.5 * hard * easy / (total * total) * 0.64;
  EXPECT_NEAR(found.weighted.mean, beta, rounding);
  EXPECT_NEAR(found.weighted.half_variance, half, rounding);
  EXPECT_NEAR(found.plain.mean, 0.9, rounding);
  EXPECT_NEAR(found.plain.half_variance, 0.5 * 0.25 * 0.75 * 0.64, rounding);
  for (Index i = 0; i < problem.theta.size(); ++i) {
    const double t = problem.theta(i);
    EXPECT_NEAR(found.exponential.log_loss(i), std::log(hard * std::exp(-0.3 * t) + easy * std::exp(-1.1 * t)),
                rounding);
    EXPECT_NEAR(found.weighted_cumulant.log_loss(i), std::log(total) - beta * t + half * t * t, rounding);
    EXPECT_NEAR(found.plain_cumulant.log_loss(i), std::log(total) - 0.9 * t + 0.06 * t * t, rounding);
  }
}

// Where every loss is tiny the exponential law is exact to first order in the loss, and its derivative at 0 is that of
// the weighted cumulant; the plain mean has another one.
TEST(LossClosure, OnlyTheWeightedMeanIsTheSlopeOfTheTrueLoss) {
  TwoKinds problem;
  problem.hard_gap = 10.0;
  problem.easy_gap = 15.0;
  const auto found = close_loss(problem.samples(), problem.slope(), problem.theta, problem.measured());
  EXPECT_LT(found.exponential.max_error, 1e-4);  // the next term of ln(1 + x) is e^-10 = 5e-5 of the first
  const double h = 1e-3;                         // truncation h^2/6 of a third derivative of order 1e-2
  const double slope = (problem.log_loss(h) - problem.log_loss(-h)) / (2 * h);
  EXPECT_NEAR(slope, -found.weighted.mean, 1e-4);
  EXPECT_GT(std::abs(slope + found.plain.mean), 0.5);
}

TEST(LossClosure, OfEqualSlopesHasOneForm) {
  TwoKinds problem;
  problem.hard = problem.easy;
  const auto found = close_loss(problem.samples(), problem.slope(), problem.theta, problem.measured());
  for (const auto* other : {&found.weighted_cumulant, &found.plain_cumulant})
    EXPECT_TRUE(found.exponential.log_loss.isApprox(other->log_loss, rounding));
}

TEST(LossClosure, CountsErrorsInTheInnerHalfOnly) {
  const TwoKinds problem;  // theta = -0.8, -0.5, -0.2, ..., 1.6: the inner half is -0.4 to 0.8
  VectorXd measured = problem.measured();
  measured(1) += 5.0;
  measured(7) -= 5.0;
  EXPECT_LT(close_loss(problem.samples(), problem.slope(), problem.theta, measured).full.max_error, rounding);
  measured(2) += 0.5;
  const auto found = close_loss(problem.samples(), problem.slope(), problem.theta, measured).full;
  EXPECT_NEAR(found.max_error, 0.5, rounding);
  EXPECT_NEAR(found.rms_error, 0.5 / std::sqrt(4.0), rounding);  // -0.2, 0.1, 0.4, 0.7
}

// Far out on the uphill side exponents pass 709, where exp overflows.
TEST(LossClosure, StaysFiniteFarOut) {
  TwoKinds problem;
  problem.theta = VectorXd::LinSpaced(3, -4000.0, 4000.0);
  const auto found = close_loss(problem.samples(), problem.slope(), problem.theta, VectorXd::Zero(3));
  EXPECT_NEAR(found.full.log_loss(0), std::log(0.25 * (1200.0 - 2) + 0.75 * (4400.0 - 7)), rounding * 10);
  EXPECT_NEAR(found.exponential.log_loss(0), std::log(0.75 * std::log1p(std::exp(-7.0))) + 4400.0, 1e-9);
}

}  // namespace
}  // namespace flatsweep::logit_margin_test
