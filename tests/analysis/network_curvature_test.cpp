#include "flatsweep/analysis/network_curvature.hpp"

#include "analysis/toy_curvature.hpp"
#include "dense_modes.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/base/index.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace flatsweep::network_curvature_test {
namespace {

NetworkCurvatureOptions few() {
  NetworkCurvatureOptions options;
  options.leading = 8;
  options.smallest = 3;
  options.density_probes = 6;
  options.density_steps = 40;
  return options;
}

NetworkCurvature measure(const ToyTraining& toy, CurvatureKind kind, const std::function<void(double)>& check = {}) {
  return measure_network_curvature(world(), toy.network, toy.start().weights, toy.train.set, kind, few(), 1, {}, check);
}

/// Measured once for all tests. Collective when first asked for.
const NetworkCurvature& measured(CurvatureKind kind) {
  static const ToyTraining toy;
  static const auto hessian = measure(toy, CurvatureKind::hessian);
  static const auto gauss_newton = measure(toy, CurvatureKind::gauss_newton);
  return kind == CurvatureKind::hessian ? hessian : gauss_newton;
}

// 285 weights and biases. Products in single precision: 3e-6 of the largest entry, as in the operator's own test.
TEST(NetworkCurvature, EigenvaluesAreThoseOfTheDenseMatrix) {
  const ToyTraining toy;
  for (const auto kind : {CurvatureKind::hessian, CurvatureKind::gauss_newton}) {
    const auto& result = measured(kind);
    const auto matrix = dense(toy, kind, std::nullopt);
    const Eigen::VectorXd values = dense_modes(0.5 * (matrix + matrix.transpose())).values.reverse();
    const double largest = values.tail(1)(0);
    EXPECT_EQ(result.size, 285);
    EXPECT_EQ(result.kind, kind);
    for (Index i = 0; i < 8; ++i) {
      const auto mode = static_cast<std::size_t>(i);
      EXPECT_NEAR(result.leading[mode], values(284 - i), 1e-5 * largest);  // the tolerance
      EXPECT_LE(result.leading_residuals[mode], 1e-5 * largest);
    }
    for (Index i = 0; i < 3; ++i) {
      const auto mode = static_cast<std::size_t>(i);
      EXPECT_NEAR(result.smallest[mode], values(i), 1e-5 * largest);
      EXPECT_LE(result.smallest_residuals[mode], 1e-5 * largest);
    }
    EXPECT_NEAR(result.trace.value, values.sum(), 5.0 * result.trace.error);
    EXPECT_GT(result.trace.error, 0.0);
    EXPECT_LE(result.trace.error, std::sqrt(2.0 * values.squaredNorm() / 30.0));  // of 30 plain sign probes
    const double error = std::sqrt(2.0 * values.squaredNorm() / 6.0) / 285.0;     // of six sign probes, at most
    EXPECT_NEAR(result.density.moment(1), values.mean(), 4.0 * error);
    EXPECT_NEAR(result.density.nodes.maxCoeff(), largest, 1e-5 * largest);
  }
}

TEST(NetworkCurvature, OnlyTheHessianBendsDown) {
  const auto &hessian = measured(CurvatureKind::hessian), &gauss_newton = measured(CurvatureKind::gauss_newton);
  EXPECT_LT(hessian.smallest[0], -0.01 * hessian.leading[0]);
  EXPECT_GE(gauss_newton.smallest[0], -1e-5 * gauss_newton.leading[0]);  // the tolerance
}

TEST(NetworkCurvature, SharesOfTheLayersAddUpToOne) {
  const auto& result = measured(CurvatureKind::hessian);
  EXPECT_EQ(result.layers, (std::vector<std::string>{"fc1", "fc2", "fc3"}));
  EXPECT_EQ(result.leading_share.size(), 24U);
  EXPECT_EQ(result.smallest_share.size(), 9U);
  for (std::size_t mode = 0; mode < 8; ++mode) {
    const auto* share = result.leading_share.data() + 3 * mode;
    EXPECT_NEAR(share[0] + share[1] + share[2], 1.0, 1e-12);
  }
}

TEST(NetworkCurvature, CountsItsProductsAndTellsHowFarItIs) {
  const ToyTraining toy;
  std::vector<double> fractions;
  const auto result = measure(toy, CurvatureKind::gauss_newton, [&](double f) { fractions.push_back(f); });
  EXPECT_EQ(std::ssize(fractions), result.products);
  EXPECT_TRUE(std::ranges::is_sorted(fractions));
  EXPECT_LT(fractions.back(), 1.0);
}

TEST(NetworkCurvature, StopsWhenAsked) {
  const ToyTraining toy;
  for (const int when : {1, 20, 300}) {
    int calls = 0;
    const auto stop = [&](double) {
      if (++calls == when) throw Stopped("enough");
    };
    EXPECT_THROW((void)measure(toy, CurvatureKind::hessian, stop), Stopped);
  }
}

// Products in single precision do not let residuals come below 1e-14. What does not need the pairs is as ever.
TEST(NetworkCurvature, MarksWhatDoesNotConverge) {
  const ToyTraining toy;
  auto options = few();
  options.tolerance = 1e-14;
  const auto result = measure_network_curvature(world(), toy.network, toy.start().weights, toy.train.set,
                                                CurvatureKind::hessian, options, 1);
  ASSERT_EQ(result.leading.size(), 8U);
  ASSERT_EQ(result.smallest.size(), 3U);
  EXPECT_TRUE(std::isnan(result.leading.back()) && std::isnan(result.leading_residuals.back()));
  EXPECT_TRUE(std::isnan(result.smallest.back()));
  EXPECT_EQ(result.leading_share.size(), 8U * toy.network.layers.size());
  EXPECT_TRUE(std::isnan(result.leading_share.back()));
  const auto& with_pairs = measured(CurvatureKind::hessian);
  EXPECT_EQ(result.trace.value, with_pairs.trace.value);
  EXPECT_EQ(result.density.nodes, with_pairs.density.nodes);
}

}  // namespace
}  // namespace flatsweep::network_curvature_test
