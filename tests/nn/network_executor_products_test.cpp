#include "flatsweep/base/index.hpp"
#include "flatsweep/nn/network_executor.hpp"
#include "nn/problems.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace flatsweep::network_executor_products_test {
namespace {

std::vector<std::unique_ptr<Problem>> fully_connected_problems() {
  std::vector<std::unique_ptr<Problem>> made;
  made.push_back(std::make_unique<Problem>(7, 0, 1, 3, 5));
  made.push_back(std::make_unique<Problem>(21, 3, 9, 6, 18));
  made.push_back(std::make_unique<Problem>(32, 2, 20, 10, 50));
  return made;
}

std::vector<Problem*> all_problems() {
  static const auto fully_connected = fully_connected_problems();
  auto all = convolution_problems();
  for (const auto& problem : fully_connected) all.push_back(problem.get());
  return all;
}

// Differences with a step of 1e-5 err by 1e-10 of higher derivatives and 1e-19 / 1e-10 of the loss; single precision by
// a few times 1e-6 of the largest of the terms that are added up, which are about as large as v^T H v and u^T H u.
TEST(NetworkExecutorProducts, HessianProductEqualsFiniteDifferencesOfPlainLoops) {
  for (const auto* problem : all_problems()) {
    SCOPED_TRACE(name_of(problem->network, problem->batch));
    const auto u = random_direction(problem->network.parameters, 4),
               v = random_direction(problem->network.parameters, 5);
    auto executor = forward(*problem);
    std::vector<float> along_u(u.size()), along_v(u.size());
    executor.hessian_product(problem->weights, u, problem->images.labels, along_u);
    executor.hessian_product(problem->weights, v, problem->images.labels, along_v);
    const double scale = std::abs(mixed_difference(*problem, u, u)) + std::abs(mixed_difference(*problem, v, v));
    EXPECT_NEAR(dot(u, along_v), mixed_difference(*problem, u, v), 1e-5 * scale);
    EXPECT_NEAR(dot(v, along_v), mixed_difference(*problem, v, v), 1e-5 * scale);
    EXPECT_NEAR(dot(v, along_u), dot(u, along_v), 1e-5 * scale);
  }
}

// Fewer samples than there is room for: what the rows behind them hold must not grow from product to product.
TEST(NetworkExecutorProducts, AreTheSameHoweverOftenTheyAreAskedFor) {
  Problem problem(multilayer_perceptron(21, 2, 7, 6), 17);
  for (float& w : problem.weights) w *= 6.0F;
  NetworkExecutor executor(problem.network, 48, Direction::forward_and_backward);
  const auto v = random_direction(problem.network.parameters, 5);
  std::vector<float> first(v.size()), again(v.size());
  for (int i = 0; i < 200; ++i) {
    executor.load(problem.images.pointers(0, 17));
    executor.forward(problem.weights);
    executor.hessian_product(problem.weights, v, problem.images.labels, i == 0 ? first : again);
    if (i > 0) {
      ASSERT_EQ(again, first) << i;
    }
  }
}

TEST(NetworkExecutorProducts, HessianProductLeavesThePassesAsTheyWere) {
  for (const auto* problem : all_problems()) {
    auto executor = forward(*problem);
    const auto v = random_direction(problem->network.parameters, 5);
    std::vector<float> product(v.size()), again(v.size()), gradient(v.size());
    executor.hessian_product(problem->weights, v, problem->images.labels, product);
    executor.hessian_product(problem->weights, v, problem->images.labels, again);
    EXPECT_EQ(product, again);
    (void)executor.backward(problem->weights, problem->images.labels, gradient);
    LossSum ignored;
    EXPECT_EQ(gradient, problem->gradient(ignored));
  }
}

TEST(NetworkExecutorProducts, TangentsEqualFiniteDifferencesOfLogits) {
  for (const auto* problem : all_problems()) {
    SCOPED_TRACE(name_of(problem->network, problem->batch));
    const auto v = random_direction(problem->network.parameters, 5);
    auto executor = forward(*problem);
    const Eigen::ArrayXXf tangents = executor.weight_tangents(problem->weights, v);
    constexpr long double h = 1e-6L;
    for (std::size_t n = 0; n < problem->images.labels.size(); ++n) {
      const auto up = plain_logits(problem->network, moved(*problem, v, h, v, 0.0L), problem->images.set.image(n));
      const auto down = plain_logits(problem->network, moved(*problem, v, -h, v, 0.0L), problem->images.set.image(n));
      for (std::size_t c = 0; c < up.size(); ++c)  // sums of a few hundred terms of order one in single precision
        EXPECT_NEAR(tangents(static_cast<Index>(n), static_cast<Index>(c)),
                    static_cast<double>((up[c] - down[c]) / (2.0L * h)), 1e-5);
    }
  }
}

// e^T (J v) = (J^T e)^T v.
TEST(NetworkExecutorProducts, TransposedJacobianIsTheTransposeOfTangents) {
  for (const auto* problem : all_problems()) {
    SCOPED_TRACE(name_of(problem->network, problem->batch));
    const auto v = random_direction(problem->network.parameters, 5);
    auto executor = forward(*problem);
    const Eigen::ArrayXXf tangents = executor.weight_tangents(problem->weights, v);
    Eigen::ArrayXXf errors = Eigen::ArrayXXf::Zero(tangents.rows(), tangents.cols());
    const Index samples = std::ssize(problem->images.labels);
    Random random(6, RandomPurpose::simulation);
    for (Index n = 0; n < samples; ++n)
      for (Index c = 0; c < errors.cols(); ++c) errors(n, c) = static_cast<float>(random.normal());
    std::vector<float> pulled(v.size());
    executor.transposed_jacobian(problem->weights, errors, pulled);
    const double forward_sum = (errors * tangents).topRows(samples).cast<double>().sum();
    const double scale = (errors * tangents).topRows(samples).abs().cast<double>().sum();
    EXPECT_NEAR(dot(v, pulled), forward_sum, 1e-5 * scale);
  }
}

}  // namespace
}  // namespace flatsweep::network_executor_products_test
