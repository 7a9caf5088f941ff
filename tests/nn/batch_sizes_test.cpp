// Forward and backward passes for batches of 1 to 40 samples and 2 to 40 classes against plain loops: batches, classes
// and widths that fill registers of no width must come out right on all.
#include "flatsweep/base/index.hpp"
#include "flatsweep/nn/block_samples.hpp"
#include "nn/problems.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numeric>

namespace flatsweep::batch_sizes_test {
namespace {

constexpr int largest_batch = 40;

/// Networks that take images through every first layer: sparse and whole products, convolutions with and without rim.
Network network_of(int kind, int width, int classes) {
  switch (kind) {
    case 0:
      return multilayer_perceptron(16, 0, 1, classes);
    case 1:
      return multilayer_perceptron(32, 1, width, classes);
    case 2:
      return multilayer_perceptron(21, 2, width, classes);
    case 3:
      return convolutional({1, 5, 6}, {"conv 5 kernel 3 padding 1", "pool 2"}, classes);
    default:
      return convolutional({2, 7, 5}, {"conv 16 kernel 2", "pool 2", "conv 3 kernel 2 padding 1", "fc 9"}, classes);
  }
}
constexpr int kinds = 5;

void for_each_problem(const std::function<void(const Problem&)>& check) {
  for (int batch = 1; batch <= largest_batch; ++batch)
    for (int kind = 0; kind < kinds; ++kind) {
      const int classes = 2 + (7 * batch + 11 * kind) % 39, width = 1 + (5 * batch + 3 * kind) % 37;
      const Problem problem(network_of(kind, width, classes), batch);
      SCOPED_TRACE(name_of(problem.network, batch));
      check(problem);
    }
}

// Single precision: sums of some dozens of terms of order one.
void expect_plain_logits(const Problem& problem, NetworkExecutor& executor, std::size_t samples) {
  const auto weights = widen(problem.weights);
  for (std::size_t s = 0; s < samples; ++s) {
    const auto exact = plain_logits(problem.network, weights, problem.images.set.image(s));
    for (std::size_t c = 0; c < exact.size(); ++c)
      ASSERT_NEAR(executor.logits()(static_cast<Index>(s), static_cast<Index>(c)), static_cast<double>(exact[c]), 1e-5)
          << "sample " << s << ", class " << c;
  }
}

TEST(BatchSizes, LogitsEqualPlainLoops) {
  for_each_problem([](const Problem& problem) {
    NetworkExecutor executor(problem.network, problem.batch, Direction::forward_only);
    for (const int samples : {problem.batch, (problem.batch + 1) / 2}) {  // a whole batch, then the rest of a set
      const auto count = static_cast<std::size_t>(samples);
      executor.load(problem.images.pointers(0, count));
      executor.forward(problem.weights);
      expect_plain_logits(problem, executor, count);
      const auto exact = plain_evaluation(problem.network, widen(problem.weights), problem.images.set, 0, count).loss;
      const auto labels = std::span(problem.images.labels).first(count);
      EXPECT_NEAR(executor.loss(labels).loss, static_cast<double>(exact), 5e-6 * samples);
    }
  });
}

// The gradient along a direction against a central difference in 80 bits, tolerance as in network_executor_test.
TEST(BatchSizes, GradientsEqualFiniteDifferences) {
  for_each_problem([](const Problem& problem) {
    LossSum sum;
    const auto gradient = problem.gradient(sum);
    const auto v = random_direction(gradient.size());
    const auto loss = [&](long double step) {
      auto moved = widen(problem.weights);
      for (std::size_t i = 0; i < moved.size(); ++i) moved[i] += step * v[i];
      return problem.loss_at(moved) / problem.batch;
    };
    const auto slope = static_cast<double>((loss(1e-6L) - loss(-1e-6L)) / 2e-6L);
    const double along = std::inner_product(gradient.begin(), gradient.end(), v.begin(), 0.0);
    const double norm = std::sqrt(std::inner_product(gradient.begin(), gradient.end(), gradient.begin(), 0.0));
    EXPECT_NEAR(along, slope, 1e-5 * norm);
  });
}

// Gradients of single samples add up to that of the batch; rows beside the last sample count for nothing.
TEST(BatchSizes, GradientsOfSamplesAddUp) {
  for_each_problem([](const Problem& problem) {
    LossSum sum;
    const auto whole = problem.gradient(sum);
    const auto count = problem.images.labels.size();
    NetworkExecutor executor(problem.network, problem.batch, Direction::forward_and_backward);
    executor.load(problem.images.pointers(0, count));
    executor.forward(problem.weights);
    for (std::size_t l = 0; l < problem.network.layers.size(); ++l) {
      const auto& layer = problem.network.layers[l];
      std::vector<float> samples(count * layer.size());
      executor.sample_gradients(problem.weights, static_cast<int>(l), problem.images.labels, samples);
      double largest = 0.0;
      for (std::size_t i = 0; i < layer.size(); ++i)
        largest = std::max(largest, std::abs(static_cast<double>(whole[layer.weights + i])));
      for (std::size_t i = 0; i < layer.size(); ++i) {
        double mean = 0.0;
        for (std::size_t n = 0; n < count; ++n) mean += samples[n * layer.size() + i];
        ASSERT_NEAR(mean / problem.batch, whole[layer.weights + i], 1e-5 * largest) << layer.name << " " << i;
      }
    }
  });
}

TEST(PaddedRows, AreWholeRegistersAndNoMoreThanNeeded) {
  for (int samples = 0; samples <= 70; ++samples) {
    const PaddedRows rows(samples);
    EXPECT_EQ(rows % vector_lanes, 0);
    EXPECT_GE(rows, samples);
    EXPECT_LT(rows, samples + row_padding);
    EXPECT_EQ(static_cast<int>(whole_registers(static_cast<std::size_t>(samples))),
              registers_of(samples) * vector_lanes);
  }
}

TEST(BlockSamples, AreWholeRegistersOfEveryNetwork) {
  for (const auto& block : {evaluation_block, full_batch_block, gradient_block, probe_block, matrix_block})
    for (const int kind : {1, 4}) {
      const auto network = network_of(kind, 6, 3);
      EXPECT_EQ(block.of(network), padded(block.of(network)));
      EXPECT_EQ(block.of(network.layers.front()), block.of(network));
      EXPECT_LE(block.of(network.layers.front()), block.of(network.layers.back()));
    }
}

}  // namespace
}  // namespace flatsweep::batch_sizes_test
