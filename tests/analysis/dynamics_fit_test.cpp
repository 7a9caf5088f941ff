#include "flatsweep/analysis/dynamics_fit.hpp"

#include "flatsweep/base/random.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace flatsweep::dynamics_fit_test {
namespace {

/// D = F^-psi_d, tau = F^-psi_tau, each with noise, and a printed time of twice tau.
DynamicsRelation planted(double psi_d, double psi_tau, double noise, std::int64_t seed) {
  Random random(seed, RandomPurpose::simulation);
  DynamicsRelation relation;
  for (int i = 0; i < 200; ++i) {
    const double flatness = 0.1 * std::pow(100.0, i / 200.0);
    relation.direction.push_back(i);
    relation.flatness.push_back(flatness);
    relation.noise_strength.push_back(std::pow(flatness, -psi_d) * std::exp(noise * random.normal()));
    relation.tau.push_back(50.0 * std::pow(flatness, -psi_tau) * std::exp(noise * random.normal()));
    relation.variance.push_back(relation.noise_strength.back() * relation.tau.back());
    relation.tau_window.push_back(2.0 * relation.tau.back());
  }
  return relation;
}

TEST(DynamicsFit, FindsPlantedExponents) {
  const std::vector<DynamicsRelation> replicas = {planted(2.3, 1.8, 0.0, 1), planted(2.3, 1.8, 0.0, 2)};
  const auto fit = fit_dynamics(replicas, {1, 149, 0.0, 1});
  EXPECT_NEAR(fit.psi_d.value, 2.3, 1e-11);  // rounding of logarithms and their sums
  EXPECT_NEAR(fit.psi_tau.value, 1.8, 1e-11);
  EXPECT_NEAR(fit.psi_tau_window.value, 1.8, 1e-11);
  EXPECT_NEAR(fit.psi.value, 4.1, 1e-11);
  EXPECT_EQ(fit.psi.points, 2 * 149);
  EXPECT_EQ(fit.fit_first, 1);
  EXPECT_EQ(fit.fit_last, 149);
}

// Least squares is linear in ln sigma^2 = ln D + ln tau, however noisy.
TEST(DynamicsFit, ExponentsAddUpOverTheSameDirections) {
  std::vector<DynamicsRelation> replicas = {planted(2.3, 1.8, 0.4, 3), planted(2.0, 1.9, 0.4, 4)};
  replicas[0].flatness[20] = std::nan("");
  replicas[1].variance[30] = 0.0;
  replicas[1].noise_strength[31] = 0.0;
  const auto fit = fit_dynamics(replicas, {1, 199, 0.0, 1});
  EXPECT_NEAR(fit.psi_d.value + fit.psi_tau.value, fit.psi.value, 1e-11);
  EXPECT_EQ(fit.psi.points, 2 * 199 - 3);
  EXPECT_EQ(fit.psi_d.points, fit.psi.points);
  EXPECT_EQ(fit.psi_tau.points, fit.psi.points);
  for (const auto& exponent : {fit.psi, fit.psi_d, fit.psi_tau}) {
    EXPECT_LT(exponent.low, exponent.value);
    EXPECT_GT(exponent.high, exponent.value);
  }
}

TEST(DynamicsFit, IsFittedOverItsRangeAndNothingBeside) {
  auto relation = planted(2.3, 1.8, 0.3, 6);
  const PsiOptions options{20, 149, 0.0, 1};
  const auto exponents = [&] {
    const auto fit = fit_dynamics({&relation, 1}, options);
    return std::vector{fit.psi, fit.psi_d, fit.psi_tau, fit.psi_tau_window};
  };
  const auto clean = exponents();
  for (const std::size_t outside : {0, 19, 150, 199}) {
    relation.noise_strength[outside] *= 1e6;
    relation.tau[outside] *= 1e6;
    relation.variance[outside] *= 1e12;
    relation.tau_window[outside] *= 1e6;
  }
  const auto with_outliers = exponents();
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(clean[i].points, 130) << i;
    EXPECT_EQ(with_outliers[i].value, clean[i].value) << i;
    EXPECT_EQ(with_outliers[i].low, clean[i].low) << i;
    EXPECT_EQ(with_outliers[i].high, clean[i].high) << i;
  }
}

// The variances of both are the same: bit for bit one exponent.
TEST(DynamicsFit, GivesThePsiOfTheSameDirections) {
  auto relation = planted(2.3, 1.8, 0.4, 7);
  relation.rounding = relation.variance[150];
  relation.variance[160] = 0.0;
  VarianceFlatness same{relation.direction, relation.variance, relation.flatness, {}, relation.rounding};
  same.loss_curvature.assign(200, 1.0);
  const PsiOptions options{1, 199, 0.0, 1};
  const auto dynamics = fit_dynamics({&relation, 1}, options).psi, psi = fit_psi({&same, 1}, options).all;
  EXPECT_LT(psi.points, 199);
  EXPECT_EQ(dynamics.points, psi.points);
  EXPECT_EQ(dynamics.value, psi.value);
  EXPECT_EQ(dynamics.low, psi.low);
  EXPECT_EQ(dynamics.high, psi.high);
}

TEST(DynamicsFit, LeavesOutPrintedTimesThatAreNegative) {
  auto relation = planted(2.3, 1.8, 0.0, 5);
  relation.tau_window[50] = -3.0;
  const auto fit = fit_dynamics({&relation, 1}, {1, 199, 0.0, 1});
  EXPECT_EQ(fit.psi_tau_window.points, 198);
  EXPECT_EQ(fit.psi_tau.points, 199);
  EXPECT_NEAR(fit.psi_tau_window.value, 1.8, 1e-11);
}

TEST(DynamicsFit, JoinsFlatnessByDirection) {
  Dynamics dynamics;
  dynamics.direction = {0, 3, 7};
  std::vector<DirectionFlatness> flatness(2);
  flatness[0] = {3, -0.5, 0.75, 0.0, 0.0, 0.0, {}, {}};
  flatness[1] = {0, -1.0, std::nan(""), 0.0, 0.0, 0.0, {}, {}};
  const auto relation = relate(dynamics, flatness, 1e-12);
  EXPECT_EQ(relation.rounding, 1e-12);
  ASSERT_EQ(relation.flatness.size(), 3U);
  EXPECT_TRUE(std::isnan(relation.flatness[0]));  // unbounded on one side
  EXPECT_EQ(relation.flatness[1], 1.25);
  EXPECT_TRUE(std::isnan(relation.flatness[2]));  // not probed
}

}  // namespace
}  // namespace flatsweep::dynamics_fit_test
