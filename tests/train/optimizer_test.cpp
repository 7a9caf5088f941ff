#include "flatsweep/train/optimizer.hpp"

#include "flatsweep/base/random.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace flatsweep::optimizer_test {
namespace {

constexpr std::size_t parameters = 37;  // no multiple of a vector register
constexpr int steps = 50;

std::vector<float> noise(std::uint64_t stream) {
  Random random(1, RandomPurpose::simulation, stream);
  std::vector<float> values(parameters);
  for (auto& v : values) v = static_cast<float>(random.normal());
  return values;
}

/// One weight in double by the formulas in the header's comment.
double plain_run(const OptimizerOptions& o, double w, std::size_t index) {
  double v = 0.0, m = 0.0, s = 0.0;
  for (int t = 1; t <= steps; ++t) {
    const double g = noise(static_cast<std::uint64_t>(t))[index];
    if (o.kind == OptimizerKind::sgd) w -= o.learning_rate * g;
    if (o.kind == OptimizerKind::momentum) {
      v = o.momentum * v + g;
      w -= o.learning_rate * v;
    }
    if (o.kind == OptimizerKind::nesterov) {
      v = o.momentum * v + g;
      w -= o.learning_rate * (g + o.momentum * v);
    }
    if (o.kind == OptimizerKind::adam) {
      m = o.adam_beta1 * m + (1.0 - o.adam_beta1) * g;
      s = o.adam_beta2 * s + (1.0 - o.adam_beta2) * g * g;
      const double mean = m / (1.0 - std::pow(o.adam_beta1, t));
      const double square = s / (1.0 - std::pow(o.adam_beta2, t));
      w -= o.learning_rate * mean / (std::sqrt(square) + o.adam_epsilon);
    }
  }
  return w;
}

class OptimizerTest : public testing::TestWithParam<OptimizerKind> {
 protected:
  OptimizerTest() {
    options.kind = GetParam();
    options.learning_rate = 0.05;
  }
  OptimizerOptions options;
};

// Fifty roundings of weights and memories of a few units, each 2^-24 of them: below 1e-5 together. Adam's 1 - beta2,
// formed in single precision, is off by 3e-5 of itself, in the first moments' and the weights' scale 1e-5 as well.
TEST_P(OptimizerTest, FollowsItsFormulasInDouble) {
  auto weights = noise(0);
  const auto start = weights;
  Optimizer optimizer(options, parameters);
  for (int t = 1; t <= steps; ++t) optimizer.step(weights, noise(static_cast<std::uint64_t>(t)));
  for (std::size_t i = 0; i < parameters; ++i) EXPECT_NEAR(weights[i], plain_run(options, start[i], i), 2e-5);
  EXPECT_EQ(optimizer.state().steps, steps);
}

// Vector registers and single numbers may round differently: which weight meets which must not depend on where malloc
// put the vectors, or a resumed run would differ from an unbroken one.
TEST_P(OptimizerTest, DoesNotDependOnAddresses) {
  std::vector<float> expected;
  for (std::size_t offset = 0; offset < 16; ++offset) {
    std::vector<float> memory(parameters + 16), gradient_memory(parameters + 16);
    const std::span weights = std::span(memory).subspan(offset, parameters);
    const std::span gradient = std::span(gradient_memory).subspan((3 * offset) % 16, parameters);
    std::ranges::copy(noise(0), weights.begin());
    Optimizer optimizer(options, parameters);
    for (int t = 1; t <= steps; ++t) {
      std::ranges::copy(noise(static_cast<std::uint64_t>(t)), gradient.begin());
      optimizer.step(weights, gradient);
    }
    if (offset == 0) expected.assign(weights.begin(), weights.end());
    EXPECT_TRUE(std::ranges::equal(weights, expected)) << "offset " << offset;
  }
}

TEST_P(OptimizerTest, GoesOnFromARestoredStateBitForBit) {
  auto unbroken = noise(0), broken = unbroken;
  Optimizer whole(options, parameters), first(options, parameters), second(options, parameters);
  for (int t = 1; t <= 20; ++t) whole.step(unbroken, noise(static_cast<std::uint64_t>(t)));
  for (int t = 1; t <= 10; ++t) first.step(broken, noise(static_cast<std::uint64_t>(t)));
  second.restore(first.state());
  for (int t = 11; t <= 20; ++t) second.step(broken, noise(static_cast<std::uint64_t>(t)));
  EXPECT_EQ(broken, unbroken);
}

INSTANTIATE_TEST_SUITE_P(Kinds, OptimizerTest,
                         testing::Values(OptimizerKind::sgd, OptimizerKind::momentum, OptimizerKind::nesterov,
                                         OptimizerKind::adam),
                         [](const auto& kind) { return std::string(to_string(kind.param)); });

TEST(Optimizer, RemembersOnlyWhatItsKindNeeds) {
  const auto sizes = [](OptimizerKind kind) {
    const Optimizer optimizer({.kind = kind}, parameters);
    return std::pair{optimizer.state().first.size(), optimizer.state().second.size()};
  };
  EXPECT_EQ(sizes(OptimizerKind::sgd), (std::pair<std::size_t, std::size_t>{0, 0}));
  EXPECT_EQ(sizes(OptimizerKind::momentum), (std::pair<std::size_t, std::size_t>{parameters, 0}));
  EXPECT_EQ(sizes(OptimizerKind::nesterov), (std::pair<std::size_t, std::size_t>{parameters, 0}));
  EXPECT_EQ(sizes(OptimizerKind::adam), (std::pair<std::size_t, std::size_t>{parameters, parameters}));
}

// Its own steps by the recursion that the analyses use, in double.
TEST_P(OptimizerTest, StepsAsItsLinearStepSays) {
  const auto step = linear_step(options);
  EXPECT_EQ(step.has_value(), GetParam() != OptimizerKind::adam);
  if (!step) return;
  auto weights = noise(0);
  Optimizer optimizer(options, parameters);
  double w = weights[0], v = 0.0;
  for (int t = 1; t <= steps; ++t) {
    const auto gradient = noise(static_cast<std::uint64_t>(t));
    optimizer.step(weights, gradient);
    const double next = step->momentum * v + gradient[0];
    w -= step->rate * (next + step->lookahead * (next - v));
    v = next;
    EXPECT_NEAR(weights[0], w, 2e-5);
  }
}

}  // namespace
}  // namespace flatsweep::optimizer_test
