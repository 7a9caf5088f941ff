#include "flatsweep/train/noise_injection.hpp"

#include "dense_modes.hpp"
#include "flatsweep/base/random.hpp"

#include <Eigen/Core>
#include <gtest/gtest.h>

#include <cmath>

namespace flatsweep::noise_injection_test {
namespace {

/// A layer of 12 weights behind 3 others, with 4 modes.
NoiseModes example() {
  Random random(1, RandomPurpose::simulation);
  Eigen::MatrixXd square(12, 12);
  for (auto& x : square.reshaped()) x = random.normal();
  const Eigen::MatrixXd basis = dense_basis(square);
  return {{3, 12}, {4.0, 1.0, 0.5, 0.01}, basis.leftCols(4).transpose().cast<float>()};
}

constexpr int draws = 40000;
constexpr double sigma = 0.7;

/// Covariance of the noise over many steps; the gradient has 20 numbers.
Eigen::MatrixXd sample_covariance(NoiseShape shape) {
  const NoiseInjection noise(shape, sigma, 5, {example()});
  Eigen::MatrixXd squares = Eigen::MatrixXd::Zero(20, 20);
  for (int step = 0; step < draws; ++step) {
    std::vector<float> gradient(20, 0.0F);
    noise.add(step, gradient);
    const Eigen::VectorXd x = Eigen::Map<const Eigen::VectorXf>(gradient.data(), 20).cast<double>();
    squares += x * x.transpose();
  }
  return squares / draws;
}

Eigen::MatrixXd in_layer(const Eigen::MatrixXd& block) {
  Eigen::MatrixXd whole = Eigen::MatrixXd::Zero(20, 20);
  whole.block(3, 3, 12, 12) = block;
  return whole;
}

Eigen::MatrixXd expected_covariance(NoiseShape shape) {
  const auto modes = example();
  const Eigen::MatrixXd u = modes.vectors.cast<double>();
  const Eigen::VectorXd e = Eigen::Map<const Eigen::VectorXd>(modes.values.data(), 4);
  const Eigen::MatrixXd f = sigma * sigma * u.transpose() * e.asDiagonal() * u;
  switch (shape) {
    case NoiseShape::flatness_detecting:
      return in_layer(f);
    case NoiseShape::isotropic:
      return in_layer(f.trace() / 12.0 * Eigen::MatrixXd::Identity(12, 12));
    case NoiseShape::diagonal:
      return in_layer(f.diagonal().asDiagonal());
  }
  return {};
}

class Shapes : public testing::TestWithParam<NoiseShape> {};

// An entry c_ij of a covariance from n draws errs by sqrt((c_ii c_jj + c_ij^2)/n); five times that covers 144 entries.
TEST_P(Shapes, SampleCovarianceIsWhatItIsToBe) {
  const auto found = sample_covariance(GetParam()), expected = expected_covariance(GetParam());
  for (int i = 0; i < 20; ++i)
    for (int j = 0; j < 20; ++j) {
      const double spread = std::sqrt((expected(i, i) * expected(j, j) + expected(i, j) * expected(i, j)) / draws);
      EXPECT_NEAR(found(i, j), expected(i, j), 5.0 * spread + 1e-12) << i << " " << j;
    }
}

TEST_P(Shapes, AllHaveOneTrace) { EXPECT_NEAR(expected_covariance(GetParam()).trace(), sigma * sigma * 5.51, 1e-6); }

TEST_P(Shapes, DependOnSeedAndStepOnly) {
  const auto draw = [&](std::int64_t seed, std::int64_t step) {
    std::vector<float> gradient(20, 0.0F);
    NoiseInjection(GetParam(), sigma, seed, {example()}).add(step, gradient);
    return gradient;
  };
  EXPECT_EQ(draw(1, 7), draw(1, 7));
  EXPECT_NE(draw(1, 7), draw(1, 8));
  EXPECT_NE(draw(1, 7), draw(2, 7));
}

TEST_P(Shapes, OfNoStrengthChangeNoBit) {
  const std::vector<float> start(20, 0.3F);
  auto gradient = start;
  NoiseInjection(GetParam(), 0.0, 1, {example()}).add(3, gradient);
  EXPECT_EQ(gradient, start);
}

INSTANTIATE_TEST_SUITE_P(Noise, Shapes,
                         testing::Values(NoiseShape::flatness_detecting, NoiseShape::isotropic, NoiseShape::diagonal));

// A single shared eta would leave one direction: eq. S21 as printed has none, read literally.
// A layer whose units are all dead has no gradients, and so no modes.
TEST_P(Shapes, OfALayerWithoutModesAreNoNoise) {
  const NoiseInjection noise(GetParam(), sigma, 5, {{{3, 12}, {}, RowMatrixF(0, 12)}});
  std::vector<float> gradient(20, 1.0F);
  noise.add(0, gradient);
  EXPECT_EQ(gradient, std::vector<float>(20, 1.0F));
}

TEST(NoiseInjection, ModesAreIndependent) {
  const Eigen::MatrixXd covariance = sample_covariance(NoiseShape::flatness_detecting);
  const Eigen::VectorXd values = dense_modes(covariance).values;
  EXPECT_GT(values(1), 0.2 * values(0));
  EXPECT_LT(values(4), 1e-6 * values(0)) << "no more than four modes";
}

}  // namespace
}  // namespace flatsweep::noise_injection_test
