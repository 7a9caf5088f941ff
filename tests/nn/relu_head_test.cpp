#include "flatsweep/nn/relu_head.hpp"

#include "flatsweep/base/random.hpp"
#include "nn/noise.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace flatsweep::relu_head_test {
namespace {

// z_0 + step q errs by one rounding of its terms, the sum over the hidden units and the bias by one each.
void expect_logits(std::size_t samples, std::size_t hidden, std::size_t classes, float step) {
  SCOPED_TRACE(testing::Message() << samples << " samples, " << hidden << " hidden, " << classes << " classes, step "
                                  << step);
  const PaddedRows padded_rows(static_cast<int>(samples));
  const auto rows = static_cast<std::size_t>(padded_rows);
  Random random(1, RandomPurpose::simulation);
  const auto z = noise(rows * hidden, random), q = noise(rows * hidden, random);
  const auto w = noise(classes * hidden, random), b = noise(classes, random);
  std::vector<float> logits(rows * classes + 1, -7.0F);
  relu_head_logits(
      {z.data(), q.data(), padded_rows, static_cast<int>(hidden), w.data(), b.data(), static_cast<int>(classes)}, step,
      logits.data());
  for (std::size_t c = 0; c < classes; ++c)
    for (std::size_t s = 0; s < samples; ++s) {
      double exact = b[c], magnitude = std::abs(b[c]);
      for (std::size_t j = 0; j < hidden; ++j) {
        const double moved = static_cast<double>(step) * q[s + j * rows];
        exact += w[c * hidden + j] * std::max(z[s + j * rows] + moved, 0.0);
        magnitude += std::abs(w[c * hidden + j]) * (std::abs(z[s + j * rows]) + std::abs(moved));
      }
      ASSERT_NEAR(logits[s + c * rows], exact, static_cast<double>(hidden + 3) * 0x1p-24 * magnitude) << s << ", " << c;
    }
  EXPECT_EQ(logits.back(), -7.0F) << "written past the logits";
}

TEST(ReluHead, EqualsAPlainLoop) {
  for (const std::size_t samples : {32, 64, 256})
    for (const std::size_t hidden : {1, 7, 50})
      for (const std::size_t classes : {1, 2, 9, 10, 11, 16, 23})
        for (const float step : {0.0F, 0.5F, -3.0F}) expect_logits(samples, hidden, classes, step);
}

// Registers are taken two at a time where there are many: 16 rows, or an odd number of pairs, leave one over.
TEST(ReluHead, EqualsAPlainLoopForEveryNumberOfSamplesAndClasses) {
  for (std::size_t samples = 1; samples <= 70; ++samples) expect_logits(samples, 7, 10, 0.5F);
  for (std::size_t classes = 1; classes <= 40; ++classes)
    for (const std::size_t samples : {1, 16, 17, 48}) expect_logits(samples, 3, classes, -1.5F);
}

/// Pre-activations, responses and differences of the outputs' weights, and what plain loops in double make of them.
struct GapProblem {
  PaddedRows rows;
  std::size_t samples, hidden, others;
  std::vector<float> z, q, w, b;

  GapProblem(std::size_t sample_count, std::size_t hidden_units, std::size_t other_classes, float scale)
      : rows(static_cast<int>(sample_count)), samples(sample_count), hidden(hidden_units), others(other_classes) {
    Random random(2, RandomPurpose::simulation);
    const std::size_t padded_count = static_cast<int>(rows);
    z = noise(padded_count * hidden, random);
    q = noise(padded_count * hidden, random);
    w = noise(others * hidden, random);
    b = noise(others, random);
    for (float& x : w) x *= scale;
  }
  [[nodiscard]] ReluHead head() const {
    return {z.data(), q.data(), rows, static_cast<int>(hidden), w.data(), b.data(), static_cast<int>(others)};
  }
  /// exp(gap) of every other class.
  [[nodiscard]] std::vector<double> odds(std::size_t sample, double step) const {
    std::vector<double> found;
    for (std::size_t c = 0; c < others; ++c) {
      double gap = b[c];
      for (std::size_t j = 0; j < hidden; ++j) {
        const std::size_t at = sample + j * static_cast<int>(rows);
        gap += w[c * hidden + j] * std::max(z[at] + step * q[at], 0.0);
      }
      found.push_back(std::exp(gap));
    }
    return found;
  }
  [[nodiscard]] double loss(double step) const {
    double sum = 0.0;
    for (std::size_t s = 0; s < samples; ++s) {
      double others_sum = 0.0;
      for (const double odd : odds(s, step)) others_sum += odd;
      sum += std::log1p(others_sum);
    }
    return sum;
  }
  /// p of every other class, 0 past the samples.
  [[nodiscard]] std::vector<float> probabilities() const {
    const std::size_t ld = static_cast<int>(rows);
    std::vector<float> p(ld * others, 0.0F);
    for (std::size_t s = 0; s < samples; ++s) {
      const auto found = odds(s, 0.0);
      double sum = 1.0;
      for (const double odd : found) sum += odd;
      for (std::size_t c = 0; c < others; ++c) p[s + c * ld] = static_cast<float>(found[c] / sum);
    }
    return p;
  }
};

// Gaps err by some roundings of their terms, which are of order `scale` times the hidden units.
void expect_losses(const GapProblem& problem, double scale) {
  for (const float step : {0.0F, 0.7F, -2.0F}) {
    const double exact = problem.loss(step);
    EXPECT_NEAR(relu_head_loss(problem.head(), step, static_cast<int>(problem.samples)), exact,
                1e-6 * (exact + scale * static_cast<double>(problem.samples * problem.hidden)))
        << problem.samples << " samples, " << problem.hidden << " hidden, " << problem.others << " others, step "
        << step;
  }
}

TEST(ReluHeadLoss, EqualsAPlainLoop) {
  for (std::size_t samples = 1; samples <= 70; samples += 3)
    for (const std::size_t others : {1, 4, 9, 10, 11, 22}) expect_losses({samples, 7, others, 1.0F}, 1.0);
  for (const float scale : {1e-2F, 1.0F, 4.0F}) expect_losses({64, 50, 9, scale}, scale);
}

// Exponentials of gaps beyond 88 are no longer single-precision numbers; the plain loop ends beyond 700.
TEST(ReluHeadLoss, HoldsForGapsWhoseExponentialsOverflow) {
  const GapProblem problem(37, 50, 9, 30.0F);
  double largest = 0.0;
  for (std::size_t s = 0; s < problem.samples; ++s)
    for (const double odd : problem.odds(s, 0.7)) largest = std::max(largest, std::log(odd));
  ASSERT_GT(largest, 100.0);
  ASSERT_LT(largest, 700.0);
  expect_losses(problem, 30.0);
}

TEST(ReluHeadLoss, OfANaNIsOne) {
  GapProblem problem(20, 5, 9, 1.0F);
  problem.z[3] = std::nanf("");
  EXPECT_TRUE(std::isnan(relu_head_loss(problem.head(), 0.5F, 20)));
}

// Within so small a step no pre-activation of this noise changes its sign.
TEST(ReluHeadDerivatives, AreThoseOfAPlainLoop) {
  for (const std::size_t samples : {1, 16, 33, 64})
    for (const std::size_t others : {1, 9, 23}) {
      const GapProblem problem(samples, 7, others, 1.0F);
      const auto [first, second] = relu_head_derivatives(problem.head(), problem.probabilities().data());
      constexpr double h = 1e-5;
      const double before = problem.loss(-h), at = problem.loss(0.0), after = problem.loss(h);
      EXPECT_NEAR(first, (after - before) / (2.0 * h), 1e-5 * static_cast<double>(samples));
      EXPECT_NEAR(second, (after - 2.0 * at + before) / (h * h), 1e-4 * static_cast<double>(samples));
    }
}

TEST(LargestResponse, IsTheLargestNormOverTheSamples) {
  GapProblem problem(21, 9, 1, 1.0F);
  const std::size_t ld = static_cast<int>(problem.rows);
  problem.q[25] = 1e6F;  // past the samples
  double largest = 0.0;
  for (std::size_t s = 0; s < problem.samples; ++s) {
    double squares = 0.0;
    for (std::size_t j = 0; j < problem.hidden; ++j) squares += std::pow(problem.q[s + j * ld], 2);
    largest = std::max(largest, std::sqrt(squares));
  }
  EXPECT_NEAR(largest_response(problem.head(), 21), largest, 1e-6 * largest);
}

}  // namespace
}  // namespace flatsweep::relu_head_test
