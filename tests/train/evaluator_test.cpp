#include "flatsweep/train/evaluator.hpp"

#include "nn/oracle.hpp"

#include <gtest/gtest.h>

namespace flatsweep::evaluator_test {
namespace {

// Sizes around the evaluator's blocks, with last blocks of one image and of any other size. Each loss is good to a few
// roundings of single precision, and so is their sum, made in double.
TEST(Evaluator, EqualsAPlainLoopOverTheSet) {
  const auto network = multilayer_perceptron(30, 2, 12, 10);
  const auto weights = initial_weights(network, 1, Initialisation::plain);
  Evaluator evaluator(network);
  for (const int count : {1, 16, 255, 256, 257, 600}) {
    const ToyImages images(count, 30, 10, count);
    const auto exact = plain_evaluation(network, widen(weights), images.set, 0, images.labels.size());
    const auto evaluation = evaluator.evaluate(weights, images.set);
    const auto loss = static_cast<double>(exact.loss) / count;
    EXPECT_NEAR(evaluation.loss, loss, 1e-6 * loss);
    EXPECT_DOUBLE_EQ(evaluation.error, static_cast<double>(exact.errors) / count);
  }
}

TEST(Evaluator, DoesNotRememberTheSetBefore) {
  const auto network = multilayer_perceptron(30, 1, 12, 10);
  const auto weights = initial_weights(network, 1, Initialisation::plain);
  const ToyImages large(700, 30, 10, 1), small(3, 30, 10, 2);
  Evaluator used(network), fresh(network);
  (void)used.evaluate(weights, large.set);
  EXPECT_EQ(used.evaluate(weights, small.set).loss, fresh.evaluate(weights, small.set).loss);
}

TEST(ForEachBlock, VisitsEveryImageOnceWithItsLabel) {
  const ToyImages images(23, 4, 10, 1);
  for (const int block : {1, 5, 23, 100}) {
    std::int64_t visited = 0;
    for_each_block(images.set, block, [&](std::int64_t first, auto pointers, auto labels) {
      EXPECT_EQ(first, visited);
      EXPECT_LE(pointers.size(), static_cast<std::size_t>(block));
      ASSERT_EQ(pointers.size(), labels.size());
      for (std::size_t i = 0; i < labels.size(); ++i, ++visited) {
        EXPECT_EQ(pointers[i], images.set.image(static_cast<std::size_t>(visited)));
        EXPECT_EQ(labels[i], images.labels[visited]);
      }
    });
    EXPECT_EQ(visited, 23);
  }
}

}  // namespace
}  // namespace flatsweep::evaluator_test
