// Twenty steps of an independent PyTorch program in double precision (pytorch_reference.py), followed in ours.
#include "flatsweep/train/evaluator.hpp"
#include "train/followed_training.hpp"
#include "train/pytorch_reference.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace flatsweep::pytorch_test {
namespace {

constexpr std::size_t batch = 10;
constexpr std::size_t steps = 20;

struct Case {
  OptimizerKind kind;
  double weight_decay;
};

std::string name_of(const Case& of) {
  return (of.weight_decay > 0.0 ? "decayed-" : "") + std::string(to_string(of.kind));
}

class PyTorchTest : public testing::TestWithParam<Case> {
 protected:
  FollowedTraining run() {
    OptimizerOptions options{.kind = GetParam().kind};
    options.learning_rate = GetParam().kind == OptimizerKind::adam ? 0.01 : 0.1;
    options.weight_decay = GetParam().weight_decay;
    return follow_training(network, set, weights_at(reference, network, "initial"), options, batch, steps);
  }
  const ReferenceArray& expected(const std::string& what) const {
    return reference.at(name_of(GetParam()) + "/" + what);
  }

  const Reference reference = read_reference();
  const Network network = reference_network();
  const std::vector<std::uint8_t> pixels = as_bytes(reference.at("images"));
  const std::vector<std::uint8_t> labels = as_bytes(reference.at("labels"));
  const ImageSet set{pixels, labels, 20};
};

// A step errs by a few roundings, 1e-7 of numbers around 1; twenty steps, each passing on the errors before it, by some
// 1e-6. Adam divides by the root of the squared gradients, so its weights feel small gradients' relative errors: 1e-5.
double tolerance(const Case& of) { return of.kind == OptimizerKind::adam ? 2e-5 : 5e-6; }

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
  const auto final = weights_at(reference, network, name_of(GetParam()) + "/final");
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
                         testing::Values(Case{OptimizerKind::sgd, 0.0}, Case{OptimizerKind::momentum, 0.0},
                                         Case{OptimizerKind::nesterov, 0.0}, Case{OptimizerKind::adam, 0.0},
                                         Case{OptimizerKind::sgd, 0.05}, Case{OptimizerKind::momentum, 0.05},
                                         Case{OptimizerKind::nesterov, 0.05}, Case{OptimizerKind::adam, 0.5}),
                         [](const auto& of) {
                           auto name = name_of(of.param);
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace flatsweep::pytorch_test
