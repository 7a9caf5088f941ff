#include "flatsweep/analysis/gradient_modes.hpp"

#include "analysis/toy_minibatches.hpp"
#include "flatsweep/base/index.hpp"

#include <Eigen/Core>
#include <gtest/gtest.h>

namespace flatsweep::gradient_modes_test {
namespace {

using Matrix = Eigen::MatrixXd;

/// Gradient of a minibatch's mean loss by differences of plain loops along every axis.
Eigen::VectorXd gradient(const ToyMinibatches& toy, std::size_t mu, int layer) {
  const Index size = std::ssize(toy.at(layer));
  Eigen::VectorXd g(size);
  for (Index j = 0; j < size; ++j) g(j) = toy.slope(toy.minibatch(mu), layer, Eigen::VectorXd::Unit(size, j), 0.0);
  return g;
}

GradientModes measure(const ToyMinibatches& toy, int layer, int count) {
  return gradient_modes(toy.network, toy.weights, toy.images.set, ToyMinibatches::batch, toy.order, count)[layer];
}

// Four minibatches: F has rank 4 whatever the layer's size. Gradients and their products in single precision err by
// 1e-6.
TEST(GradientModes, AreTheEigenpairsOfTheGradientsSecondMoment) {
  const auto toy = ToyMinibatches::dense();
  for (const int layer : {1, 2}) {
    const Index size = std::ssize(toy.at(layer));
    Matrix f = Matrix::Zero(size, size);
    for (std::size_t mu = 0; mu < 4; ++mu) {
      const auto g = gradient(toy, mu, layer);
      f += g * g.transpose() / 4.0;
    }
    const auto modes = measure(toy, layer, 10);
    ASSERT_EQ(modes.leading.values.size(), 4U);
    EXPECT_NEAR(modes.trace, f.trace(), 1e-5 * f.trace());
    EXPECT_NEAR(modes.leading.trace(), modes.trace, 1e-6 * modes.trace);
    const Matrix u = modes.leading.vectors.cast<double>();
    const Eigen::VectorXd e = Eigen::Map<const Eigen::VectorXd>(modes.leading.values.data(), 4);
    EXPECT_LT((u.transpose() * e.asDiagonal() * u - f).norm(), 1e-5 * f.norm());
    EXPECT_LT((u * u.transpose() - Matrix::Identity(4, 4)).norm(), 1e-4);
    EXPECT_EQ(modes.leading.block, toy.at(layer).weight_block());
  }
}

TEST(GradientModes, AreTheLargestWhereFewerAreWanted) {
  const auto toy = ToyMinibatches::dense();
  const auto all = measure(toy, 1, 4), two = measure(toy, 1, 2);
  ASSERT_EQ(two.leading.values.size(), 2U);
  EXPECT_EQ(two.leading.values[0], all.leading.values[0]);
  EXPECT_EQ(two.leading.values[1], all.leading.values[1]);
  EXPECT_EQ(two.trace, all.trace);
  EXPECT_LT(two.leading.trace(), two.trace);
}

}  // namespace
}  // namespace flatsweep::gradient_modes_test
