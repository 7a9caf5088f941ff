#include "flatsweep/analysis/layer_hessian.hpp"

#include "analysis/layer_problems.hpp"
#include "dense_modes.hpp"
#include "flatsweep/base/index.hpp"

#include <gtest/gtest.h>

namespace flatsweep::layer_hessian_test {
namespace {

LayerExpansion expand(const LayerProblem& problem) {
  return expand_loss(Communicator::world(), problem.network, problem.weights, problem.layer, problem.images.set);
}

TEST(LayerHessian, EqualsFiniteDifferencesOfPlainLoops) {
  for (const auto& made : layer_problems()) {
    const auto& problem = *made;
    SCOPED_TRACE(problem.network.layers[problem.layer].name);
    const auto expansion = expand(problem);
    ASSERT_EQ(expansion.hessian.rows(), static_cast<Index>(problem.size));
    // Outputs and Jacobians in single precision.
    EXPECT_NEAR(expansion.loss, static_cast<double>(problem.loss(0, 0.0L)), 1e-6);
    const double scale = expansion.hessian.cwiseAbs().maxCoeff();
    const std::size_t step = problem.size / 9 + 1;
    for (std::size_t i = 0; i < problem.size; i += step) {
      EXPECT_NEAR(expansion.gradient(static_cast<Index>(i)), problem.first_difference(i), 2e-6);
      for (std::size_t j = 0; j <= i; j += step)
        EXPECT_NEAR(expansion.hessian(static_cast<Index>(i), static_cast<Index>(j)), problem.second_difference(i, j),
                    4e-6 * scale)
            << i << ", " << j;
    }
  }
}

TEST(LayerHessian, IsSymmetricAndNotNegative) {
  for (const auto& problem : layer_problems()) {
    const auto h = expand(*problem).hessian;
    EXPECT_EQ((h - h.transpose()).cwiseAbs().maxCoeff(), 0.0);
    const Eigen::VectorXd values = dense_modes(h).values.reverse();
    EXPECT_GT(values(0), -1e-12 * values.tail(1)(0) - 1e-15);  // a sum of squares, up to rounding
    EXPECT_GT(values.tail(1)(0), 1e-3);
  }
}

// Adding the same number to all logits changes nothing: a shift of all outputs of the last layer is free, one zero for
// each of its inputs.
TEST(LayerHessian, LastLayerHasAsManyZeroEigenvaluesAsInputs) {
  const LayerProblem problem(multilayer_perceptron(12, 2, 6, 4), 2, 71);
  const Eigen::VectorXd values = dense_modes(expand(problem).hessian).values.reverse();
  EXPECT_LT(values(5), 1e-7 * values.tail(1)(0));  // the six smallest; the Jacobians are in single precision
}

// The outputs grow in proportion to the weights of a ReLU layer with its bias; H_lnL = H/L - g g^T/L^2 takes a rank-one
// matrix from a positive one, so that one eigenvalue at most is negative.
TEST(LayerHessian, OfLogLossHasAtMostOneNegativeEigenvalue) {
  for (const auto& problem : layer_problems()) {
    const Eigen::VectorXd values = dense_modes(expand(*problem).log_loss_hessian()).values.reverse();
    EXPECT_GT(values(1), -1e-9 * values.tail(1)(0));
  }
}

/// (1/M) sum_n h_n^2 from the whole Hessian of every sample on its own.
Eigen::MatrixXd mean_of_squares(const LayerProblem& problem) {
  const auto& set = problem.images.set;
  const auto size = static_cast<Index>(problem.size);
  Eigen::MatrixXd sum = Eigen::MatrixXd::Zero(size, size);
  for (std::size_t n = 0; n < set.labels.size(); ++n) {
    const std::vector<std::uint32_t> place = {static_cast<std::uint32_t>(n)};
    const ImageSet one{set.pixels, set.labels.subspan(n, 1), set.features, place};
    const auto hessian =
        expand_loss(Communicator::self(), problem.network, problem.weights, problem.layer, one).hessian;
    sum += hessian * hessian;
  }
  return sum / static_cast<double>(set.count());
}

void expect_mean_of_squares(const LayerProblem& problem) {
  SCOPED_TRACE(problem.network.layers[problem.layer].name);
  const auto squares = expand_loss(Communicator::world(), problem.network, problem.weights, problem.layer,
                                   problem.images.set, LayerMatrix::squares)
                           .hessian;
  const auto expected = mean_of_squares(problem);
  EXPECT_LT((squares - expected).norm(), 1e-6 * expected.norm());  // factors in single precision
}

TEST(LayerHessian, SquaresAreThoseOfEverySample) {
  for (const auto& problem : layer_problems()) expect_mean_of_squares(*problem);
  auto curved = multilayer_perceptron(12, 2, 6, 4);
  for (auto& layer : curved.layers)
    if (&layer != &curved.layers.back()) layer.activation = Activation::tanh;
  for (const int layer : {0, 1, 2}) expect_mean_of_squares(LayerProblem(curved, layer, 31));
}

}  // namespace
}  // namespace flatsweep::layer_hessian_test
