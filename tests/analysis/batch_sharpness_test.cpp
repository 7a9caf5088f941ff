#include "flatsweep/analysis/batch_sharpness.hpp"

#include "analysis/toy_minibatches.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/base/index.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace flatsweep::batch_sharpness_test {
namespace {

const Communicator& everybody() {
  static const auto all = Communicator::world();
  return all;
}

/// Mean loss of some samples with all weights and biases moved, in 80 bits by plain loops.
long double loss_at(const ToyMinibatches& toy, std::span<const std::uint32_t> samples, const Eigen::VectorXd& step) {
  Wide moved = widen(toy.weights);
  for (Index k = 0; k < step.size(); ++k) moved[static_cast<std::size_t>(k)] += step(k);
  long double sum = 0.0L;
  for (const auto n : samples) sum += plain_evaluation(toy.network, moved, toy.images.set, n, 1).loss;
  return sum / static_cast<long double>(samples.size());
}

/// g^T H g/|g|^2 by central differences of that loss.
double sharpness_by_differences(const ToyMinibatches& toy, std::span<const std::uint32_t> samples) {
  const Index size = toy.network.parameters;
  Eigen::VectorXd gradient(size);
  for (Index k = 0; k < size; ++k) {
    const Eigen::VectorXd step = 1e-6 * Eigen::VectorXd::Unit(size, k);
    gradient(k) = static_cast<double>((loss_at(toy, samples, step) - loss_at(toy, samples, -step)) / 2e-6L);
  }
  const Eigen::VectorXd step = 1e-5 * gradient.normalized();
  const auto bend =
      loss_at(toy, samples, step) - 2.0L * loss_at(toy, samples, 0.0 * step) + loss_at(toy, samples, -step);
  return static_cast<double>(bend / 1e-10L);
}

TEST(BatchSharpness, IsTheMeanOverMinibatchesOfTheLossBendingAlongItsGradient) {
  for (const auto& toy : {ToyMinibatches::dense(), ToyMinibatches::convolutional()}) {
    Eigen::VectorXd expected(4);
    for (Index i = 0; i < 4; ++i)
      expected(i) = sharpness_by_differences(toy, toy.minibatch(static_cast<std::size_t>(i)));
    const auto found =
        batch_sharpness(everybody(), toy.network, toy.weights, toy.images.set, ToyMinibatches::batch, toy.order);
    EXPECT_EQ(found.minibatches, 4);
    EXPECT_NEAR(found.mean, expected.mean(), 1e-4 * expected.cwiseAbs().maxCoeff());  // products in single precision
    const double scatter = (expected.array() - expected.mean()).matrix().squaredNorm();
    EXPECT_NEAR(found.error, std::sqrt(scatter / 3.0 / 4.0), 1e-4 * expected.cwiseAbs().maxCoeff());
  }
}

TEST(BatchSharpness, OneMinibatchHasNoScatterAndNoneHasNoMean) {
  const auto toy = ToyMinibatches::dense();
  const auto measure = [&](std::size_t samples) {
    return batch_sharpness(everybody(), toy.network, toy.weights, toy.images.set, ToyMinibatches::batch,
                           std::span(toy.order).first(samples));
  };
  EXPECT_TRUE(std::isnan(measure(10).error));
  EXPECT_FALSE(std::isnan(measure(10).mean));
  EXPECT_TRUE(std::isnan(measure(0).mean));
  EXPECT_EQ(measure(29).minibatches, 2);
}

TEST(BatchSharpness, StopsWhereItIsTold) {
  const auto toy = ToyMinibatches::dense();
  EXPECT_THROW((void)batch_sharpness(everybody(), toy.network, toy.weights, toy.images.set, ToyMinibatches::batch,
                                     toy.order, [](double) { throw Stopped("asked to stop"); }),
               Stopped);
}

}  // namespace
}  // namespace flatsweep::batch_sharpness_test
