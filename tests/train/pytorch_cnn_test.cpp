// Twenty steps of an independent PyTorch program in double precision (pytorch_cnn_reference.py) on the full-size
// networks of Figs S1B and S9C, followed in ours; then the loss along one direction of each convolution layer.
#include "flatsweep/analysis/flatness.hpp"
#include "flatsweep/nn/architecture.hpp"
#include "flatsweep/train/evaluator.hpp"
#include "train/followed_training.hpp"
#include "train/pytorch_reference.hpp"
#include "train/splitmix.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace flatsweep::pytorch_cnn_test {
namespace {

constexpr std::size_t images = 500, batch = 50, steps = 20;

struct Run {
  const char* network;
  ImageShape image;
  OptimizerKind optimizer;
  double learning_rate;
};
constexpr Run runs[] = {{"cnn-s1b", {1, 28, 28}, OptimizerKind::sgd, 0.028},
                        {"lenet5", {3, 32, 32}, OptimizerKind::momentum, 0.01},
                        {"lenet5", {3, 32, 32}, OptimizerKind::adam, 0.001}};

class PyTorchCnnTest : public testing::TestWithParam<Run> {
 protected:
  static std::vector<float> start_of(const Network& network) {
    std::vector<SplitmixLayer> layers;
    for (const auto& layer : network.layers)
      layers.push_back(
          {layer.size() + static_cast<std::size_t>(layer.outputs), static_cast<std::size_t>(layer.inputs)});
    return splitmix_weights(layers);
  }
  [[nodiscard]] const ReferenceArray& expected(const std::string& what) const {
    return reference.at(std::string(GetParam().network) + "/" + std::string(to_string(GetParam().optimizer)) + "/" +
                        what);
  }
  [[nodiscard]] FollowedTraining run() const {
    OptimizerOptions options{.kind = GetParam().optimizer};
    options.learning_rate = GetParam().learning_rate;
    return follow_training(network, set, start_of(network), options, batch, steps);
  }
  /// Calls visit(name of the record, numbers) for W and b of every layer.
  template <class Visit>
  void for_each_block(std::span<const float> parameters, Visit visit) const {
    for (const auto& layer : network.layers) {
      visit(layer.name, parameters.subspan(layer.weights, layer.size()));
      visit(layer.name + "_bias", parameters.subspan(layer.bias, layer.outputs));
    }
  }

  const Reference reference = read_reference(FLATSWEEP_SOURCE_DIR "/tests/train/pytorch_cnn_reference.txt");
  const Network network = build_network(GetParam().image, named_architecture(GetParam().network).layers, 10);
  const SplitmixPlanes planes{static_cast<std::size_t>(GetParam().image.channels),
                              static_cast<std::size_t>(GetParam().image.height),
                              static_cast<std::size_t>(GetParam().image.width)};
  const std::vector<std::uint8_t> labels = splitmix_labels(images, 10);
  const std::vector<std::uint8_t> pixels = splitmix_images(labels, planes);
  const ImageSet set{pixels, labels, GetParam().image.features()};
};

/// Twenty steps pass 1e7 squares and ReLUs. Until one of them switches because of a rounding, single precision follows
/// double to some 1e-6 (Adam, which divides small gradients by themselves, to 1e-5); a switch moves the gradient's norm
/// by up to some 1e-4 of itself, and the steps after it start from there. In the first steps none does.
constexpr std::size_t first_steps = 8;
constexpr double close = 1e-5, after_a_switch = 5e-4;

void expect_curve(const std::vector<double>& measured, const ReferenceArray& reference) {
  ASSERT_EQ(measured.size(), reference.values.size());
  for (std::size_t i = 0; i < measured.size(); ++i) {
    const double exact = reference.values[i];
    EXPECT_NEAR(measured[i], exact, (i < first_steps ? close : after_a_switch) * std::max(1.0, std::abs(exact)))
        << "step " << i;
  }
}

// Sums of up to 2e5 numbers make the sum of inputs exact to 1e-9 only in double precision; bytes and labels are exact.
TEST_P(PyTorchCnnTest, StartsFromTheSameWeightsAndImages) {
  const auto& inputs = reference.at(std::string(GetParam().network) + "/inputs").values;
  double weights = 0.0, bytes = 0.0, weighted_labels = 0.0;
  for (const float w : start_of(network)) weights += w;
  for (const auto pixel : pixels) bytes += pixel;
  for (std::size_t n = 0; n < images; ++n) weighted_labels += static_cast<double>((n + 1) * labels[n]);
  EXPECT_NEAR(weights, inputs.at(0), 1e-9);
  EXPECT_EQ(bytes, inputs.at(1));
  EXPECT_EQ(weighted_labels, inputs.at(2));
}

TEST_P(PyTorchCnnTest, LossesGradientNormsAndAlignmentsAgree) {
  const auto measured = run();
  expect_curve(measured.loss, expected("loss"));
  expect_curve(measured.gradient_norm, expected("gradient_norm"));
  expect_curve(measured.gradient_alignment, expected("gradient_alignment"));
}

// A sum of squares errs relatively by what its terms do: 1e-5 as in nn/network_executor_test.
TEST_P(PyTorchCnnTest, FirstGradientOfEveryLayerAgrees) {
  const auto measured = run();
  for_each_block(measured.first_gradient, [&](const std::string& name, std::span<const float> block) {
    const double exact = expected("first_gradient/" + name).values.at(0);
    EXPECT_NEAR(dot(block, block), exact, 1e-5 * exact) << name;
  });
}

TEST_P(PyTorchCnnTest, FinalWeightsAgree) {
  const auto measured = run();
  for_each_block(measured.weights, [&](const std::string& name, std::span<const float> block) {
    const auto& exact = expected("final/" + name).values;
    double sum = 0.0;
    for (const float w : block) sum += w;
    const auto size = static_cast<double>(block.size());
    EXPECT_NEAR(sum / size, exact.at(0) / size, 2e-6) << name;
    EXPECT_NEAR(dot(block, block) / size, exact.at(1) / size, 2e-6) << name;
    for (std::size_t k = 0; k < 8; ++k)
      EXPECT_NEAR(block[k * block.size() / 8], exact.at(2 + k), 2e-5) << name << " entry " << k;
  });
}

TEST_P(PyTorchCnnTest, LossAndErrorOfTheWholeSetAgree) {
  const auto evaluation = Evaluator(network).evaluate(run().weights, set);
  EXPECT_NEAR(evaluation.loss, expected("full_loss").values.at(0), after_a_switch);
  EXPECT_NEAR(evaluation.error, expected("full_error").values.at(0), 1e-12);  // the same count over the same 500
}

// The loss along a direction is that of slightly different weights, some 1e-6 to 1e-5 apart: crossings and derivatives
// move by about as much, more where the profile is flat at the crossing. The search itself stops at a relative 1e-6.
TEST_P(PyTorchCnnTest, FlatnessOfTheConvolutionLayersAgrees) {
  const auto weights = run().weights;
  for (int index = 0; index < 2; ++index) {
    const auto& layer = network.layers[index];
    const auto& exact = expected("flatness/" + layer.name).values;
    const auto direction = splitmix_direction(static_cast<std::uint64_t>(exact.at(0)), layer.size());
    const Eigen::MatrixXd directions = Eigen::Map<const Eigen::VectorXd>(direction.data(), std::ssize(direction));
    LayerProbe probe(network, weights, index, set);
    const auto found = measure_flatness(Communicator::self(), probe, directions, {0}, 1.0,
                                        {.tolerance = 1e-6, .max_displacement = 100.0});
    ASSERT_EQ(found.size(), 1U);
    const auto& f = found.front();
    EXPECT_NEAR(probe.loss(), expected("full_loss").values.at(0), after_a_switch);
    EXPECT_NEAR(f.left, exact.at(1), after_a_switch * std::abs(exact.at(1))) << layer.name;
    EXPECT_NEAR(f.right, exact.at(2), after_a_switch * exact.at(2)) << layer.name;
    EXPECT_NEAR(f.slope, exact.at(3), 2e-3 * std::sqrt(std::abs(exact.at(4)))) << layer.name;
    EXPECT_NEAR(f.curvature, exact.at(4), 2e-3 * std::abs(exact.at(4))) << layer.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Runs, PyTorchCnnTest, testing::ValuesIn(runs), [](const auto& run) {
  return std::string(run.param.network == std::string("lenet5") ? "LeNet5" : "S1B") +
         std::string(to_string(run.param.optimizer));
});

}  // namespace
}  // namespace flatsweep::pytorch_cnn_test
