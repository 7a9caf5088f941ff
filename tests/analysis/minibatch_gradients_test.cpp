#include "flatsweep/analysis/minibatch_gradients.hpp"

#include "flatsweep/base/index.hpp"
#include "train/toy_training.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace flatsweep::minibatch_gradients_test {
namespace {

/// Mean loss of some samples with one weight moved: the slow way.
double loss_of(const ToyTraining& toy, std::vector<float> weights, std::size_t moved, double step,
               std::span<const std::uint32_t> samples) {
  weights[moved] += static_cast<float>(step);
  std::vector<std::uint8_t> pixels, labels;
  for (const auto n : samples) {
    pixels.insert(pixels.end(), toy.train.set.image(n), toy.train.set.image(n) + toy.train.set.features);
    labels.push_back(toy.train.set.labels[n]);
  }
  return Evaluator(toy.network).evaluate(weights, {pixels, labels, toy.train.set.features}).loss;
}

TEST(MinibatchGradients, EqualFiniteDifferencesOfEachMinibatchLoss) {
  const ToyTraining toy;
  const auto weights = toy.start().weights;
  const Sampler sampler(Sampling::reshuffle, toy.train.set.count(), 10, 1);
  const auto order = sampler.order(3);
  for (const int layer : {0, 1, 2}) {
    MinibatchGradients gradients(toy.network, weights, layer, toy.train.set, 10);
    RowMatrixF rows(0, std::ssize(toy.network.layers[layer]));
    gradients.for_each_block(order, [&](const SnapshotBlock& block) {
      rows.conservativeResize(rows.rows() + block.rows(), Eigen::NoChange);
      rows.bottomRows(block.rows()) = block;
    });
    ASSERT_EQ(rows.rows(), sampler.iterations());
    EXPECT_GT(rows.rowwise().norm().minCoeff(), 0.02);  // far above the tolerance below
    for (Index row = 0; row < rows.rows(); ++row)
      for (const Index weight : {Index{0}, rows.cols() / 2, rows.cols() - 1}) {
        const auto place = toy.network.layers[layer].weights + static_cast<std::size_t>(weight);
        const auto minibatch = std::span(order).subspan(static_cast<std::size_t>(row) * 10, 10);
        constexpr double step = 0x1p-9;
        const double expected =
            (loss_of(toy, weights, place, step, minibatch) - loss_of(toy, weights, place, -step, minibatch)) /
            (2.0 * step);
        // Single-precision losses of order one divided by the step, and a ReLU of ten samples that may switch within
        // it.
        EXPECT_NEAR(rows(row, weight), expected, 1e-3) << "layer " << layer << ", minibatch " << row;
      }
  }
}

}  // namespace
}  // namespace flatsweep::minibatch_gradients_test
