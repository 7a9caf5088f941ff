// Twenty steps of an independent PyTorch program in double precision (pytorch_reference.py), followed in ours.
#include "flatsweep/nn/propagator.hpp"
#include "flatsweep/train/evaluator.hpp"
#include "flatsweep/train/optimizer.hpp"
#include "train/pytorch_reference.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace flatsweep {
namespace {

constexpr std::size_t batch = 10;
constexpr std::size_t steps = 20;

double dot(std::span<const float> a, std::span<const float> b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

struct Measured {
  std::vector<double> loss, gradient_norm, gradient_alignment;
  std::vector<float> weights;
};

class PyTorchTest : public testing::TestWithParam<OptimizerKind> {
 protected:
  /// Steps with minibatches in the order of the samples.
  Measured run() {
    Measured measured;
    measured.weights = weights_at(reference, network, "initial");
    OptimizerOptions options{.kind = GetParam()};
    options.learning_rate = GetParam() == OptimizerKind::adam ? 0.01 : 0.1;
    Optimizer optimizer(options, network.parameters);
    Propagator propagator(network, batch, Direction::forward_and_backward);
    std::vector<float> gradient(network.parameters), previous;
    for (std::size_t step = 0; step < steps; ++step) {
      const std::size_t first = step * batch % labels.size();
      std::vector<const std::uint8_t*> images;
      for (std::size_t i = first; i < first + batch; ++i) images.push_back(set.image(i));
      propagator.load(images);
      propagator.forward(measured.weights);
      const auto sum = propagator.backward(measured.weights, std::span(labels).subspan(first, batch), gradient);
      measured.loss.push_back(sum.loss / batch);
      measured.gradient_norm.push_back(std::sqrt(dot(gradient, gradient)));
      if (step > 0)
        measured.gradient_alignment.push_back(dot(gradient, previous) /
                                              std::sqrt(dot(gradient, gradient) * dot(previous, previous)));
      previous = gradient;
      optimizer.step(measured.weights, gradient);
    }
    return measured;
  }
  const ReferenceArray& expected(const std::string& what) const {
    return reference.at(std::string(to_string(GetParam())) + "/" + what);
  }

  const Reference reference = read_reference();
  const Network network = reference_network();
  const std::vector<std::uint8_t> pixels = as_bytes(reference.at("images"));
  const std::vector<std::uint8_t> labels = as_bytes(reference.at("labels"));
  const ImageSet set{pixels, labels, 20};
};

// A step errs by a few roundings, 1e-7 of numbers around 1; twenty steps, each passing on the errors before it, by some
// 1e-6. Adam divides by the root of the squared gradients, so its weights feel small gradients' relative errors: 1e-5.
double tolerance(OptimizerKind kind) { return kind == OptimizerKind::adam ? 2e-5 : 5e-6; }

void expect_curve(const std::vector<double>& measured, const ReferenceArray& reference, double tolerance) {
  ASSERT_EQ(measured.size(), reference.values.size());
  for (std::size_t i = 0; i < measured.size(); ++i)
    EXPECT_NEAR(measured[i], reference.values[i], tolerance) << "step " << i;
}

TEST_P(PyTorchTest, LossesGradientNormsAndAlignmentsAgree) {
  const auto measured = run();
  expect_curve(measured.loss, expected("loss"), tolerance(GetParam()));
  expect_curve(measured.gradient_norm, expected("gradient_norm"), tolerance(GetParam()));
  expect_curve(measured.gradient_alignment, expected("gradient_alignment"), tolerance(GetParam()));
}

TEST_P(PyTorchTest, FinalWeightsAgree) {
  const auto measured = run();
  const auto final = weights_at(reference, network, std::string(to_string(GetParam())) + "/final");
  ASSERT_EQ(final.size(), network.parameters);
  for (std::size_t i = 0; i < final.size(); ++i)
    EXPECT_NEAR(measured.weights[i], final[i], tolerance(GetParam())) << "weight " << i;
}

TEST_P(PyTorchTest, LossAndErrorOfTheWholeSetAgree) {
  const auto evaluation = Evaluator(network).evaluate(run().weights, set);
  EXPECT_NEAR(evaluation.loss, expected("full_loss").values.at(0), tolerance(GetParam()));
  EXPECT_NEAR(evaluation.error, expected("full_error").values.at(0), 1e-12);  // the same count over the same 60
}

INSTANTIATE_TEST_SUITE_P(Optimizers, PyTorchTest,
                         testing::Values(OptimizerKind::sgd, OptimizerKind::momentum, OptimizerKind::adam),
                         [](const auto& kind) { return std::string(to_string(kind.param)); });

}  // namespace
}  // namespace flatsweep
