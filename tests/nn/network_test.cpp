#include "flatsweep/nn/network.hpp"

#include "base/thrown.hpp"
#include "flatsweep/base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace flatsweep::network_test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

double norm(std::span<const float> values) {
  double squares = 0.0;
  for (const double v : values) squares += v * v;
  return std::sqrt(squares);
}

std::span<const float> weights_of(const Layer& layer, std::span<const float> all) {
  return all.subspan(layer.weights, layer.size());
}

TEST(Network, ReferenceNetworkHasItsLayersAndParameters) {
  const auto network = multilayer_perceptron(784, 2, 50, 10);
  ASSERT_EQ(network.layers.size(), 3U);
  EXPECT_EQ(network.parameters, 42310U);  // 784*50 + 50 + 50*50 + 50 + 50*10 + 10
  EXPECT_EQ(network.inputs(), 784);
  EXPECT_EQ(network.classes(), 10);
  const char* names[] = {"fc1", "fc2", "fc3"};
  const int sizes[] = {784, 50, 50, 10};
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(network.layers[i].name, names[i]);
    EXPECT_EQ(network.layers[i].inputs, sizes[i]);
    EXPECT_EQ(network.layers[i].outputs, sizes[i + 1]);
    EXPECT_EQ(network.layers[i].activation, i < 2 ? Activation::relu : Activation::identity);
  }
}

TEST(Network, LayersFillTheWeightVectorWithoutGaps) {
  for (const int hidden : {0, 1, 4}) {
    const auto network = multilayer_perceptron(7, hidden, 5, 3);
    ASSERT_EQ(network.layers.size(), static_cast<std::size_t>(hidden) + 1);
    std::size_t offset = 0;
    for (const auto& layer : network.layers) {
      EXPECT_EQ(layer.weights, offset);
      EXPECT_EQ(layer.bias, offset + static_cast<std::size_t>(layer.inputs * layer.outputs));
      offset = layer.bias + static_cast<std::size_t>(layer.outputs);
    }
    EXPECT_EQ(network.parameters, offset);
  }
}

TEST(Network, FindsALayerByItsNameAndNamesThoseThatThereAre) {
  const auto network = multilayer_perceptron(784, 2, 50, 10);
  EXPECT_EQ(network.index_of("fc2"), 1);
  EXPECT_THAT(message_of<ConfigError>([&] { (void)network.index_of("conv1"); }),
              AllOf(HasSubstr("conv1"), HasSubstr("fc1, fc2, fc3")));
}

// Two flops a weight forward; as many again for the weight gradient, and for the input gradient but in fc1.
TEST(Network, CountsTheFlopsOfItsProducts) {
  const auto network = multilayer_perceptron(784, 2, 50, 10);
  EXPECT_EQ(network.forward_flops(), 2.0 * 42200);
  EXPECT_EQ(network.training_flops(), 2.0 * (42200 + 42200 + 3000));
}

TEST(InitialWeights, StayWithinTheirBoundAndFillIt) {
  const auto network = multilayer_perceptron(784, 2, 50, 10);
  const auto weights = initial_weights(network, 1, Initialisation::plain);
  ASSERT_EQ(weights.size(), network.parameters);
  for (const auto& layer : network.layers) {
    const double bound = 1.0 / std::sqrt(layer.inputs);
    const auto all = std::span(weights).subspan(layer.weights, layer.size() + static_cast<std::size_t>(layer.outputs));
    const auto [low, high] = std::ranges::minmax(all);
    // The rounding to single precision may lift a number just below the bound onto it, by 2^-24 of it.
    EXPECT_GE(low, -bound * (1 + 0x1p-24));
    EXPECT_LE(high, bound * (1 + 0x1p-24));
    // 510 numbers at least: none in the outer 5 % on a side has probability 0.975^510 = 2e-6.
    EXPECT_LT(low, -0.95 * bound);
    EXPECT_GT(high, 0.95 * bound);
    // Five standard errors of the mean of a uniform law, whose variance is bound^2 / 3.
    double sum = 0.0;
    for (const float v : all) sum += v;
    const auto n = static_cast<double>(all.size());
    EXPECT_NEAR(sum / n, 0.0, 5.0 * bound / std::sqrt(3.0 * n));
  }
}

TEST(InitialWeights, DifferBetweenSeedsAndLayersAndRepeatForOne) {
  const auto network = multilayer_perceptron(50, 3, 50, 10);
  const auto first = initial_weights(network, 1, Initialisation::plain);
  EXPECT_EQ(initial_weights(network, 1, Initialisation::plain), first);
  EXPECT_NE(initial_weights(network, 2, Initialisation::plain), first);
  const auto fc1 = weights_of(network.layers[0], first);
  const auto fc2 = weights_of(network.layers[1], first);
  EXPECT_FALSE(std::ranges::equal(fc1, fc2));
}

TEST(InitialWeights, HaveTheSameNormForAllSeedsWhereAskedFor) {
  const auto network = multilayer_perceptron(784, 2, 50, 10);
  for (const std::int64_t seed : {1, 2, 3}) {
    const auto plain = initial_weights(network, seed, Initialisation::plain);
    const auto same = initial_weights(network, seed, Initialisation::same_norm);
    for (const auto& layer : network.layers) {
      // E |W|^2 = inputs outputs / (3 inputs). Rounding of each weight to single precision: 2^-24.
      const double expected = std::sqrt(layer.outputs / 3.0);
      EXPECT_NEAR(norm(weights_of(layer, same)), expected, 0x1p-24 * expected);
      const double factor = expected / norm(weights_of(layer, plain));
      EXPECT_NEAR(same[layer.weights], factor * plain[layer.weights], 1e-7);  // one rounding of a number below 1
      for (std::size_t j = layer.bias; j < layer.bias + static_cast<std::size_t>(layer.outputs); ++j)
        EXPECT_EQ(same[j], plain[j]);
    }
  }
}

}  // namespace
}  // namespace flatsweep::network_test
