#include "flatsweep/analysis/mlf_model.hpp"

#include "flatsweep/base/random.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace flatsweep::mlf_model_test {
namespace {

using Eigen::Matrix3d;
using Eigen::Vector3d;

/// Three directions; the couplings to the drift mode and the spread of M_11 are what the printed formulas leave out.
MlfModel model() {
  MlfModel m;
  m.m_mean = Eigen::VectorXd{{1.0, 2.0, 0.5}};
  m.m_variance = Eigen::VectorXd{{0.04, 0.16, 0.01}};
  m.m_off_diagonal_variance = Eigen::MatrixXd{{0.0, 0.09, 0.04}, {0.09, 0.0, 0.02}, {0.04, 0.02, 0.0}};
  m.theta_variance = Eigen::VectorXd{{0.3, 0.2, 0.5}};
  m.drift = 2.0;
  return m;
}

struct Minibatch {
  Matrix3d m;
  Vector3d theta;
};

Minibatch draw(const MlfModel& model, Random& random) {
  Minibatch mu;
  for (int i = 0; i < 3; ++i) {
    mu.theta(i) = std::sqrt(model.theta_variance(i)) * random.normal() + (i == 0 ? model.drift : 0.0);
    mu.m(i, i) = model.m_mean(i) + std::sqrt(model.m_variance(i)) * random.normal();
    for (int j = 0; j < i; ++j)
      mu.m(i, j) = mu.m(j, i) = std::sqrt(model.m_off_diagonal_variance(i, j)) * random.normal();
  }
  return mu;
}

/// ln(L^mu(theta)/L_0): eq. S9 with L_0^mu = L_min exp[1/2 sum M_ij theta_i theta_j].
double log_loss(const Minibatch& mu, const Vector3d& theta) {
  double at = 0.0, at_zero = 0.0;
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 3; ++j) {
      at += 0.5 * mu.m(i, j) * (theta(i) - mu.theta(i)) * (theta(j) - mu.theta(j));
      at_zero += 0.5 * mu.m(i, j) * mu.theta(i) * mu.theta(j);
    }
  return at - at_zero;
}

/// Slope and curvature at 0 of ln <L^mu> along one direction, by central differences of the simulated mean.
struct Simulated {
  double slope, slope_error, curvature, curvature_error;
};

// With d_+- = L^mu(+-h)/L_0 - 1, the statistical errors follow from the spread of d_+ - d_- and d_+ + d_- over
// minibatches. h = 0.02 leaves truncation errors of h^2 times third and fourth derivatives of order 100: 0.01 at most.
constexpr double h = 0.02;
Simulated simulate(const MlfModel& model, int direction, int minibatches) {
  Random random(6, RandomPurpose::simulation, static_cast<std::uint64_t>(direction));
  double up = 0.0, down = 0.0, odd = 0.0, even = 0.0;
  const double slope = direction == 0 ? -model.m_mean(0) * model.drift : 0.0;
  for (int k = 0; k < minibatches; ++k) {
    const auto mu = draw(model, random);
    const Vector3d step = h * Vector3d::Unit(direction);
    const double a = std::expm1(log_loss(mu, step)), b = std::expm1(log_loss(mu, -step));
    up += a / minibatches;
    down += b / minibatches;
    odd += std::pow((a - b) / (2 * h) - slope, 2) / minibatches;
    even += std::pow((a + b) / (h * h), 2) / minibatches;
  }
  const double log_up = std::log1p(up), log_down = std::log1p(down);
  const double slope_error = std::sqrt(odd / minibatches);
  return {(log_up - log_down) / (2 * h), slope_error, (log_up + log_down) / (h * h),
          std::sqrt(even / minibatches) + 2.0 * std::abs(slope) * slope_error};
}

TEST(MlfModel, CorrectedCurvatureIsThatOfTheSimulatedEnsemble) {
  const auto prediction = predict(model());
  for (int i = 0; i < 3; ++i) {
    const auto truth = simulate(model(), i, 400000);
    const double slope = i == 0 ? prediction.slope : 0.0;
    EXPECT_NEAR(truth.slope, slope, 4 * truth.slope_error + 0.01) << i;
    EXPECT_NEAR(truth.curvature, prediction.curvature(i), 4 * truth.curvature_error + 0.01) << i;
    EXPECT_LT(4 * truth.curvature_error + 0.01, 0.1) << i;  // so that the next line means something
    if (i == 0) {
      EXPECT_GT(truth.curvature - prediction.curvature_as_printed(i), 0.1);
    }
  }
  EXPECT_NEAR(prediction.curvature(0) - prediction.curvature_as_printed(0), 0.04 * 4.0, 1e-14);
  EXPECT_EQ(prediction.curvature(1), prediction.curvature_as_printed(1));
}

// Eq. S9's second line as printed has L_0^mu = L_min exp[sum M_ij theta_i theta_j], twice the exponent.
TEST(MlfModel, LossAtZeroNeedsTheHalfThatEquationS9LeavesOut) {
  Random random(7, RandomPurpose::simulation);
  const auto mu = draw(model(), random);
  const double lowest = log_loss(mu, mu.theta);  // ln(L_min/L_0)
  const double exponent = mu.theta.dot(mu.m * mu.theta);
  EXPECT_NEAR(-lowest, 0.5 * exponent, 1e-12);
  EXPECT_GT(std::abs(-lowest - exponent), 0.1);
}

// Within the model M_ii = M_ii^(0) + Var_mu(d_i ln L^mu), exactly; the variance's standard error is sqrt(k/n) of it
// with k about 4 for products of normals.
TEST(MlfModel, CurvatureIsTheMeanPlusTheVarianceOfTheGradient) {
  const auto m = model();
  const auto prediction = predict(m);
  Random random(8, RandomPurpose::simulation);
  const int minibatches = 400000;
  Vector3d sum = Vector3d::Zero(), squares = Vector3d::Zero();
  for (int k = 0; k < minibatches; ++k) {
    const auto mu = draw(m, random);
    const Vector3d gradient = -mu.m * mu.theta;
    sum += gradient;
    squares += gradient.cwiseAbs2();
  }
  const Vector3d variance = squares / minibatches - (sum / minibatches).cwiseAbs2();
  for (int i = 0; i < 3; ++i)
    EXPECT_NEAR(m.m_mean(i) + variance(i), prediction.curvature(i), 4 * 2.0 * variance(i) / std::sqrt(minibatches));
}

// S13 holds to leading order in sigma_M/M^(0); with a ratio of 0.05, <M^-2> is larger by 3 * 0.05^2 = 0.75 %.
TEST(MlfModel, VarianceOfMinimaNeedsTheDriftTermThatEquationS13LeavesOut) {
  auto m = model();
  m.m_variance = 0.0025 * m.m_mean.cwiseAbs2();
  const auto prediction = predict(m);
  Random random(9, RandomPurpose::simulation);
  const int minibatches = 400000;
  Vector3d sum = Vector3d::Zero(), squares = Vector3d::Zero();
  for (int k = 0; k < minibatches; ++k) {
    const auto mu = draw(m, random);
    const Vector3d minimum =
        (mu.m * mu.theta).array() / mu.m.diagonal().array();  // zero of the gradient along p_i alone
    sum += minimum;
    squares += minimum.cwiseAbs2();
  }
  const Vector3d variance = squares / minibatches - (sum / minibatches).cwiseAbs2();
  for (int i = 0; i < 3; ++i) {
    const double error = (0.0075 + 4 * 2.0 / std::sqrt(minibatches)) * variance(i);
    EXPECT_NEAR(variance(i), prediction.minimum_variance(i), error) << i;
    if (i > 0) {
      EXPECT_GT(variance(i) - prediction.minimum_variance_as_printed(i), 3 * error) << i;
    }
  }
  EXPECT_EQ(prediction.minimum_variance(0), prediction.minimum_variance_as_printed(0));
}

}  // namespace
}  // namespace flatsweep::mlf_model_test
