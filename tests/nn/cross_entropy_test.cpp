#include "flatsweep/nn/cross_entropy.hpp"

#include "flatsweep/base/index.hpp"
#include "flatsweep/base/random.hpp"
#include "flatsweep/nn/matrix_product.hpp"
#include "nn/oracle.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace flatsweep::cross_entropy_test {
namespace {

// Formed from about ten correctly rounded operations and an exp and a log1p that are good to 2 units in the last place.
constexpr double relative = 2e-6;

/// Logits of some samples in padded rows; what stands in the padding must not matter.
struct Samples {
  Samples(const std::vector<std::vector<float>>& logit_rows, std::vector<std::uint8_t> classes)
      : labels(std::move(classes)) {
    const auto rows = padded(static_cast<int>(logit_rows.size()));
    logits = Eigen::ArrayXXf::Constant(rows, std::ssize(logit_rows.front()), 3.0F);
    for (Index s = 0; s < count(); ++s)
      for (Index c = 0; c < logits.cols(); ++c) logits(s, c) = logit_rows[s][c];
  }
  [[nodiscard]] Index count() const { return std::ssize(labels); }
  [[nodiscard]] CrossEntropy cross_entropy() const {
    return {padded(static_cast<int>(logits.rows())), static_cast<int>(logits.cols())};
  }
  [[nodiscard]] Wide row(Index s) const {
    Wide values;
    for (Index c = 0; c < logits.cols(); ++c) values.push_back(logits(s, c));
    return values;
  }
  [[nodiscard]] long double exact_loss(Index s) const { return plain_loss(row(s), labels[s]); }

  Eigen::ArrayXXf logits;
  std::vector<std::uint8_t> labels;
};

Samples random_samples(int count, int classes, double spread) {
  Random random(count, RandomPurpose::simulation);
  std::vector<std::vector<float>> rows(count);
  std::vector<std::uint8_t> labels;
  for (auto& row : rows) {
    for (int c = 0; c < classes; ++c) row.push_back(static_cast<float>(spread * random.normal()));
    labels.push_back(static_cast<std::uint8_t>(random.below(static_cast<std::uint32_t>(classes))));
  }
  return {rows, labels};
}

float single_loss(const std::vector<float>& logits, std::uint8_t label) {
  const Samples one({logits}, {label});
  return static_cast<float>(one.cross_entropy().loss(one.logits, one.labels).loss);
}

TEST(CrossEntropy, EqualsTheClosedFormOfEachSample) {
  for (const double spread : {0.1, 1.0, 5.0, 20.0}) {
    const auto all = random_samples(60, 10, spread);
    for (Index s = 0; s < all.count(); ++s) {
      const auto exact = static_cast<double>(all.exact_loss(s));
      if (exact < 1e-35) continue;  // near the end of single precision's range
      const auto row = all.row(s);
      EXPECT_NEAR(single_loss({row.begin(), row.end()}, all.labels[s]), exact, relative * exact);
    }
  }
}

TEST(CrossEntropy, SumsOverItsSamplesAndCountsErrors) {
  for (const int count : {1, 15, 16, 17, 50}) {
    const auto all = random_samples(count, 10, 2.0);
    long double loss = 0.0L;
    int errors = 0;
    for (Index s = 0; s < all.count(); ++s) {
      loss += all.exact_loss(s);
      const auto row = all.row(s);
      errors += std::ranges::max_element(row) - row.begin() != all.labels[s] ? 1 : 0;
    }
    const auto sum = all.cross_entropy().loss(all.logits, all.labels);
    EXPECT_NEAR(sum.loss, static_cast<double>(loss), relative * static_cast<double>(loss));
    EXPECT_EQ(sum.errors, errors);
  }
}

// Eq. S5: log(1 + s) with s = exp(-gap); formed as log of a sum it would be 0 or 6e-8 here.
TEST(CrossEntropy, KeepsItsRelativePrecisionWhenTiny) {
  for (const float gap : {10.0F, 20.0F, 50.0F, 80.0F}) {
    const double exact = std::log1p(9.0 * std::exp(-static_cast<double>(gap)));
    std::vector<float> logits(10, -gap);
    logits[4] = 0.0F;
    EXPECT_NEAR(single_loss(logits, 4), exact, relative * exact) << "gap " << gap;
  }
}

TEST(CrossEntropy, IsFiniteForHugeLogits) {
  EXPECT_EQ(single_loss({1e30F, -1e30F, 0.0F}, 0), 0.0F);
  EXPECT_FLOAT_EQ(single_loss({1e30F, -1e30F, 0.0F}, 1), 2e30F);
  EXPECT_FLOAT_EQ(single_loss({1e4F, 1e4F, -1e4F}, 0), std::log(2.0F));
  EXPECT_FLOAT_EQ(single_loss({-1e30F, -1e30F, -1e30F}, 2), std::log(3.0F));
}

// The trainer tells by this that training diverged.
TEST(CrossEntropy, IsNotFiniteForLogitsThatAreNotNumbers) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float bad : {nan, infinity})
    for (std::size_t where = 0; where < 5; ++where)
      for (const std::uint8_t label : {0, 2, 4}) {
        std::vector<float> logits(5, 1.0F);
        logits[where] = bad;
        EXPECT_FALSE(std::isfinite(single_loss(logits, label))) << bad << " at " << where << ", label " << int{label};
      }
}

TEST(CrossEntropy, CountsARightOutputThatIsNotANumberAsAnError) {
  for (const std::uint8_t label : {0, 2, 4}) {
    std::vector<float> logits(5, -1.0F);
    logits[label] = std::numeric_limits<float>::quiet_NaN();
    const Samples one({logits}, {label});
    EXPECT_EQ(one.cross_entropy().loss(one.logits, one.labels).errors, 1) << int{label};
  }
}

struct Gradient {
  Eigen::ArrayXXf values;
  LossSum sum;
};

Gradient gradient_of(const Samples& all, float scale) {
  Gradient gradient{Eigen::ArrayXXf::Constant(all.logits.rows(), all.logits.cols(), -7.0F), {}};
  gradient.sum = all.cross_entropy().loss_and_gradient(all.logits, all.labels, scale, gradient.values);
  return gradient;
}

TEST(CrossEntropyGradient, IsSoftmaxMinusOneHotWithAllItsDigits) {
  constexpr float scale = 1.0F / 50.0F;
  const auto all = random_samples(50, 10, 4.0);
  const auto gradient = gradient_of(all, scale);
  for (Index s = 0; s < all.count(); ++s) {
    const auto y = all.row(s);
    const auto label = all.labels[s];
    long double whole = 0.0L, wrong = 0.0L;
    for (std::size_t c = 0; c < y.size(); ++c) whole += std::exp(y[c]);
    for (std::size_t c = 0; c < y.size(); ++c) wrong += c == label ? 0.0L : std::exp(y[c]);
    for (std::size_t c = 0; c < y.size(); ++c) {
      const auto exact = static_cast<double>(scale * (c == label ? -wrong : std::exp(y[c])) / whole);
      EXPECT_NEAR(gradient.values(s, static_cast<Index>(c)), exact, relative * std::abs(exact));
    }
  }
}

// Central differences of the exact loss with step 1e-5 err by 1e-10; single precision by 1e-7 of the largest entry, 1.
TEST(CrossEntropyGradient, EqualsFiniteDifferences) {
  const auto all = random_samples(17, 10, 2.0);
  const auto gradient = gradient_of(all, 1.0F);
  for (Index s = 0; s < all.count(); ++s)
    for (Index c = 0; c < all.logits.cols(); ++c) {
      auto up = all.row(s), down = all.row(s);
      up[c] += 1e-5L;
      down[c] -= 1e-5L;
      const auto label = all.labels[s];
      const auto slope = static_cast<double>((plain_loss(up, label) - plain_loss(down, label)) / 2e-5L);
      EXPECT_NEAR(gradient.values(s, c), slope, 1e-6);
    }
}

TEST(CrossEntropyGradient, ComesWithTheLossAndIsZeroPastTheSamples) {
  for (const int count : {1, 15, 16, 17}) {
    const auto all = random_samples(count, 10, 2.0);
    const auto gradient = gradient_of(all, 1.0F);
    const auto sum = all.cross_entropy().loss(all.logits, all.labels);
    EXPECT_EQ(gradient.sum.loss, sum.loss);
    EXPECT_EQ(gradient.sum.errors, sum.errors);
    EXPECT_TRUE((gradient.values.bottomRows(gradient.values.rows() - count) == 0.0F).all());
  }
}

/// d l / d theta = sum p_j u_j and d^2 l / d theta^2 = sum p_j u_j^2 - (sum p_j u_j)^2, u_j = t_j - t_c.
struct Exact {
  long double loss = 0.0L, first = 0.0L, second = 0.0L;
};

Exact exact_derivatives(const Samples& all, const Eigen::ArrayXXf& tangents) {
  Exact sum;
  for (Index s = 0; s < all.count(); ++s) {
    const auto label = all.labels[s];
    const auto loss_at = [&](long double theta) {
      auto y = all.row(s);
      for (std::size_t c = 0; c < y.size(); ++c) y[c] += theta * tangents(s, static_cast<Index>(c));
      return plain_loss(y, label);
    };
    constexpr long double h = 1e-4L;  // in 80 bits: first derivative to 1e-8 of its scale, second to 1e-8
    sum.loss += loss_at(0.0L);
    sum.first += (loss_at(h) - loss_at(-h)) / (2.0L * h);
    sum.second += (loss_at(h) - 2.0L * loss_at(0.0L) + loss_at(-h)) / (h * h);
  }
  return sum;
}

Eigen::ArrayXXf random_tangents(const Samples& all) {
  Random random(9, RandomPurpose::simulation);
  return Eigen::ArrayXXf::NullaryExpr(all.logits.rows(), all.logits.cols(),
                                      [&] { return static_cast<float>(random.normal()); });
}

// Also where every sample is well learnt and all three are tiny: 1e-9 at a gap of 20.
TEST(CrossEntropyDerivatives, EqualFiniteDifferencesOfTheExactLoss) {
  for (const float gap : {0.0F, 5.0F, 20.0F}) {
    auto all = random_samples(19, 10, 1.0);
    for (Index s = 0; s < all.count(); ++s) all.logits(s, all.labels[s]) += gap;
    const auto tangents = random_tangents(all);
    const auto sum = all.cross_entropy().derivatives(all.logits, all.labels, tangents);
    const auto exact = exact_derivatives(all, tangents);
    EXPECT_NEAR(sum.loss, static_cast<double>(exact.loss), relative * static_cast<double>(exact.loss));
    // The first is a sum of terms of both signs, each as large as the second.
    EXPECT_NEAR(sum.first, static_cast<double>(exact.first), 2e-6 * static_cast<double>(exact.second)) << "gap " << gap;
    EXPECT_NEAR(sum.second, static_cast<double>(exact.second), 2e-6 * static_cast<double>(exact.second))
        << "gap " << gap;
  }
}

// A shift of all logits together changes nothing.
TEST(CrossEntropyDerivatives, VanishAlongACommonShift) {
  const auto all = random_samples(19, 10, 3.0);
  const Eigen::ArrayXXf shift = Eigen::ArrayXXf::Constant(all.logits.rows(), all.logits.cols(), 2.5F);
  const auto sum = all.cross_entropy().derivatives(all.logits, all.labels, shift);
  EXPECT_EQ(sum.first, 0.0);
  EXPECT_EQ(sum.second, 0.0);
}

}  // namespace
}  // namespace flatsweep::cross_entropy_test
