#include "flatsweep/nn/network_executor.hpp"

#include "flatsweep/base/random.hpp"
#include "flatsweep/nn/architecture.hpp"
#include "nn/problems.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <string>

namespace flatsweep::network_executor_test {
namespace {

class NetworkExecutorTest : public testing::TestWithParam<Backend> {};

// Each pass is a chain of sums of at most 784 terms in single precision, whose errors are about 1e-6 of the largest
// gradient; 1e-5 leaves room. Central differences in 80 bits with step 1e-6 err by less than 1e-10.
TEST_P(NetworkExecutorTest, GradientEqualsFiniteDifferencesOfAPlainForwardPass) {
  for (const auto& [inputs, hidden, width, classes, batch, every] : {std::tuple{7, 0, 1, 3, 5, 1},
                                                                     {5, 1, 4, 3, 1, 1},
                                                                     {9, 2, 6, 10, 16, 1},
                                                                     {20, 4, 7, 4, 17, 1},
                                                                     {784, 2, 50, 10, 50, 2003}}) {
    const Problem problem(inputs, hidden, width, classes, batch);
    SCOPED_TRACE(testing::Message() << inputs << " inputs, " << hidden << " x " << width << ", batch " << batch);
    LossSum sum;
    const auto gradient = problem.gradient(sum, GetParam());
    const double tolerance = 1e-5 * largest(gradient);
    for (std::size_t i = 0; i < gradient.size(); i += static_cast<std::size_t>(every))
      ASSERT_NEAR(gradient[i], slope_by(problem, i), tolerance) << "weight " << i;
  }
}

// Tolerance as above. Differences of plain passes through convolutions are slow: both backends are held to the same
// ones.
TEST(NetworkExecutor, GradientOfConvolutionsEqualsFiniteDifferencesOnBothBackends) {
  for (const auto* problem : convolution_problems()) {
    SCOPED_TRACE(name_of(problem->network, problem->batch));
    LossSum sum;
    const auto best = problem->gradient(sum, Backend::best), eigen = problem->gradient(sum, Backend::eigen);
    const double tolerance = 1e-5 * largest(best);
    const auto expect_slope = [&](std::size_t i) {
      const double slope = slope_by(*problem, i);
      EXPECT_NEAR(best[i], slope, tolerance) << "weight " << i;
      EXPECT_NEAR(eigen[i], slope, tolerance) << "weight " << i << " on Eigen";
    };
    const std::size_t every = best.size() / 60 + 1;
    for (std::size_t i = 0; i < best.size(); i += every) expect_slope(i);
    for (const auto& layer : problem->network.layers)  // biases are few, and easily missed
      for (std::size_t i = layer.bias; i < layer.bias + static_cast<std::size_t>(layer.outputs); i += 3)
        expect_slope(i);
  }
}

TEST_P(NetworkExecutorTest, LossAndErrorsOfConvolutionsEqualAPlainForwardPass) {
  for (const auto* problem : convolution_problems()) {
    SCOPED_TRACE(name_of(problem->network, problem->batch));
    const auto exact = plain_evaluation(problem->network, widen(problem->weights), problem->images.set, 0,
                                        problem->images.labels.size());
    for (const int batch : {problem->batch, problem->batch + 1, 32}) {
      if (batch < problem->batch) continue;
      NetworkExecutor executor(problem->network, batch, Direction::forward_only, GetParam());
      executor.load(problem->images.pointers(0, problem->images.labels.size()));
      executor.forward(problem->weights);
      const auto sum = executor.loss(problem->images.labels);
      EXPECT_NEAR(sum.loss, static_cast<double>(exact.loss), 1e-6 * static_cast<double>(exact.loss));
      EXPECT_EQ(sum.errors, exact.errors);
    }
  }
}

// Each number of the Jacobian is a sum of single-precision products; 1e-5 of the largest leaves room.
TEST_P(NetworkExecutorTest, JacobianOfEverySampleEqualsFiniteDifferencesOfTheLogits) {
  auto problems = convolution_problems();
  Problem plain(9, 2, 6, 5, 18);
  problems.push_back(&plain);
  for (const auto* problem : problems) {
    SCOPED_TRACE(name_of(problem->network, problem->batch));
    expect_jacobians(*problem, 1e-5, GetParam());
  }
}

TEST_P(NetworkExecutorTest, LossAndErrorsEqualAPlainForwardPass) {
  for (const int batch : {1, 15, 16, 50}) {
    const Problem problem(30, 3, 11, 10, batch);
    const auto exact =
        plain_evaluation(problem.network, widen(problem.weights), problem.images.set, 0, problem.images.labels.size());
    NetworkExecutor executor(problem.network, batch, Direction::forward_only, GetParam());
    executor.load(problem.images.pointers(0, problem.images.labels.size()));
    executor.forward(problem.weights);
    const auto sum = executor.loss(problem.images.labels);
    EXPECT_NEAR(sum.loss, static_cast<double>(exact.loss), 1e-6 * static_cast<double>(exact.loss));
    EXPECT_EQ(sum.errors, exact.errors);
    LossSum with_gradient;
    (void)problem.gradient(with_gradient, GetParam());
    EXPECT_EQ(with_gradient.loss, sum.loss);
    EXPECT_EQ(with_gradient.errors, sum.errors);
  }
}

// Differences in 80 bits with step 1e-5, small enough that no ReLU or square switches on the way: they err by 1e-10 of
// the higher derivatives, the second also by some 1e-19 / 1e-10 of the loss. Single precision errs by less than 1e-6 of
// what is summed: differences of the logits' tangents, and their squares, from which the squared mean is taken away.
void expect_derivatives(const Problem& problem, int index, Backend backend) {
  const auto& layer = problem.network.layers[index];
  const auto direction = random_direction(layer.size());
  NetworkExecutor executor(problem.network, problem.batch, Direction::forward_only, backend);
  executor.load(problem.images.pointers(0, problem.images.labels.size()));
  executor.forward(problem.weights);
  auto& pass = executor.layer(index);
  AlignedVector<float> tangent(pass.preactivations());
  pass.apply_weights(pass.input(), direction.data(), tangent);
  const auto sum = executor.derivatives(problem.weights, index, tangent, problem.images.labels);
  constexpr long double h = 1e-5L;
  const auto moved_by = [&](long double theta) {
    auto moved = widen(problem.weights);
    for (std::size_t j = 0; j < direction.size(); ++j) moved[layer.weights + j] += theta * direction[j];
    return moved;
  };
  const auto loss = problem.loss_at(moved_by(0.0L)), up = problem.loss_at(moved_by(h)),
             down = problem.loss_at(moved_by(-h));
  const auto second = static_cast<double>((up - 2.0L * loss + down) / (h * h));
  double sum_of_widest = 0.0, sum_of_squares = 0.0;  // of twice the largest tangent of each sample's logits
  for (std::size_t n = 0; n < problem.images.labels.size(); ++n) {
    const auto above = plain_logits(problem.network, moved_by(h), problem.images.set.image(n));
    const auto below = plain_logits(problem.network, moved_by(-h), problem.images.set.image(n));
    double widest = 0.0;
    for (std::size_t c = 0; c < above.size(); ++c)
      widest = std::max(widest, std::abs(static_cast<double>((above[c] - below[c]) / h)));
    sum_of_widest += widest;
    sum_of_squares += widest * widest;
  }
  EXPECT_NEAR(sum.loss, static_cast<double>(loss), 1e-6 * static_cast<double>(loss));
  EXPECT_NEAR(sum.first, static_cast<double>((up - down) / (2.0L * h)), 1e-6 * sum_of_widest) << layer.name;
  EXPECT_NEAR(sum.second, second, 1e-6 * sum_of_squares + static_cast<double>(4e-19L * loss / (h * h))) << layer.name;
}

TEST_P(NetworkExecutorTest, DerivativesAlongALayerEqualFiniteDifferences) {
  const Problem problem(21, 3, 9, 6, 18);
  for (int index = 0; index < 4; ++index) expect_derivatives(problem, index, GetParam());
}

TEST_P(NetworkExecutorTest, DerivativesAlongConvolutionsEqualFiniteDifferences) {
  for (const auto* problem : convolution_problems()) {
    SCOPED_TRACE(name_of(problem->network, problem->batch));
    for (std::size_t index = 0; index < problem->network.layers.size(); ++index)
      expect_derivatives(*problem, static_cast<int>(index), GetParam());
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, NetworkExecutorTest, testing::Values(Backend::best, Backend::eigen),
                         [](const auto& backend) { return backend.param == Backend::best ? "Best" : "Eigen"; });

TEST(NetworkExecutor, DoesNotDependOnTheKernelsBeyondRounding) {
  const Problem problem(784, 2, 50, 10, 50);
  LossSum best_sum, eigen_sum;
  const auto best = problem.gradient(best_sum, Backend::best);
  const auto eigen = problem.gradient(eigen_sum, Backend::eigen);
  EXPECT_NEAR(best_sum.loss, eigen_sum.loss, 1e-6 * eigen_sum.loss);
  for (std::size_t i = 0; i < best.size(); ++i) ASSERT_NEAR(best[i], eigen[i], 1e-5 * largest(eigen));  // as above
}

// The last block of a set is smaller: what the block before left in the rows behind must not count.
TEST(NetworkExecutor, LossOfFewerSamplesThanTheBatchIgnoresEarlierOnes) {
  const Problem problem(20, 2, 8, 4, 40);
  NetworkExecutor executor(problem.network, 40, Direction::forward_only),
      fresh(problem.network, 40, Direction::forward_only);
  executor.load(problem.images.pointers(0, 40));
  executor.forward(problem.weights);
  for (auto* each : {&executor, &fresh}) {
    each->load(problem.images.pointers(0, 3));
    each->forward(problem.weights);
  }
  const auto labels = std::span(problem.images.labels).first(3);
  EXPECT_EQ(executor.loss(labels).loss, fresh.loss(labels).loss);
  const auto exact = plain_evaluation(problem.network, widen(problem.weights), problem.images.set, 0, 3).loss;
  EXPECT_NEAR(fresh.loss(labels).loss, static_cast<double>(exact), 1e-6 * static_cast<double>(exact));
}

TEST(NetworkExecutor, ForwardFromALayerContinuesFromItsInput) {
  const Problem problem(20, 2, 8, 4, 10);
  NetworkExecutor executor(problem.network, 10, Direction::forward_only);
  executor.load(problem.images.pointers(0, 10));
  executor.forward(problem.weights);
  const auto whole = executor.loss(problem.images.labels).loss;
  const Eigen::ArrayXXf logits = executor.logits();
  for (const int first : {1, 2}) {
    executor.forward(problem.weights, first);
    EXPECT_EQ(executor.loss(problem.images.labels).loss, whole);
    EXPECT_TRUE((executor.logits() == logits).all());
  }
}

TEST(NetworkExecutor, BackwardDownToALayerLeavesEarlierGradientsAlone) {
  for (const auto* problem : convolution_problems()) {
    LossSum sum;
    const auto whole = problem->gradient(sum);
    const auto& layer = problem->network.layers[1];
    auto executor = forward(*problem);
    std::vector<float> part(problem->network.parameters, -7.0F);
    EXPECT_EQ(executor.backward(problem->weights, problem->images.labels, part, 1).loss, sum.loss);
    for (std::size_t j = 0; j < part.size(); ++j) EXPECT_EQ(part[j], j < layer.weights ? -7.0F : whole[j]) << j;
  }
}

TEST(NetworkExecutor, LossIsNotFiniteWhereAWeightIsNot) {
  const Problem problem(20, 2, 8, 4, 10);
  for (const auto& layer : problem.network.layers) {
    auto weights = problem.weights;
    weights[layer.weights + 1] = std::numeric_limits<float>::quiet_NaN();
    NetworkExecutor executor(problem.network, 10, Direction::forward_only);
    executor.load(problem.images.pointers(0, 10));
    executor.forward(weights);
    EXPECT_FALSE(std::isfinite(executor.loss(problem.images.labels).loss)) << layer.name;
  }
}

}  // namespace
}  // namespace flatsweep::network_executor_test
