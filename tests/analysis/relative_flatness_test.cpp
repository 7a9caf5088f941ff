#include "flatsweep/analysis/relative_flatness.hpp"

#include "analysis/layer_problems.hpp"
#include "flatsweep/analysis/layer_hessian.hpp"
#include "flatsweep/base/error.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace flatsweep::relative_flatness_test {
namespace {

RelativeFlatness measure(const LayerProblem& problem, std::span<const float> weights) {
  return relative_flatness(Communicator::world(), problem.network, weights, problem.layer, problem.images.set);
}
RelativeFlatness measure(const LayerProblem& problem) { return measure(problem, problem.weights); }

/// kappa is the sum over i, j of the second derivatives of L(W (I + epsilon e_i e_j^T)): a move of the layer's weights
/// along W e_i e_j^T has column i of W in column j, and the sum over i of such outer products is W W^T.
double by_second_differences(const LayerProblem& problem) {
  const auto& layer = problem.network.layers[problem.layer];
  const auto inputs = static_cast<std::size_t>(layer.inputs), outputs = static_cast<std::size_t>(layer.outputs);
  constexpr long double step = 3e-5L;  // 80-bit rounding of so many losses, over step^2, stays below 1e-7
  const auto loss = [&](std::size_t i, std::size_t j, long double by) {
    auto moved = widen(problem.weights);
    for (std::size_t s = 0; s < outputs; ++s)
      moved[problem.first + s * inputs + j] += by * problem.weights[problem.first + s * inputs + i];
    return problem.loss_at(moved);
  };
  const long double here = problem.loss_at(widen(problem.weights));
  long double sum = 0.0L;
  for (std::size_t i = 0; i < inputs; ++i)
    for (std::size_t j = 0; j < inputs; ++j) sum += loss(i, j, step) - 2.0L * here + loss(i, j, -step);
  return static_cast<double>(sum / (step * step));
}

TEST(RelativeFlatness, IsTheSumOfSecondDerivativesAlongTheLayersOwnColumns) {
  for (const auto& problem : layer_problems()) {
    SCOPED_TRACE(problem->network.layers[problem->layer].name);
    const double expected = by_second_differences(*problem);
    EXPECT_GT(expected, 0.01);
    EXPECT_NEAR(measure(*problem).value, expected, 5e-6 * expected);  // Jacobians in single precision
  }
}

/// The definition itself, with the dense Hessian.
RelativeFlatness by_dense_hessian(const LayerProblem& problem) {
  const auto h =
      expand_loss(Communicator::world(), problem.network, problem.weights, problem.layer, problem.images.set).hessian;
  const auto& layer = problem.network.layers[problem.layer];
  using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Eigen::Map<const RowMajor> map(problem.weights.data() + layer.weights, layer.outputs, layer.inputs);
  const Eigen::MatrixXd w = map.cast<double>();
  RelativeFlatness result{0.0, h.trace(), w.squaredNorm()};
  for (int s = 0; s < layer.outputs; ++s)
    for (int t = 0; t < layer.outputs; ++t)
      result.value +=
          w.row(s).dot(w.row(t)) * h.block(s * layer.inputs, t * layer.inputs, layer.inputs, layer.inputs).trace();
  return result;
}

TEST(RelativeFlatness, IsThatOfTheDenseHessian) {
  for (const auto& problem : layer_problems()) {
    SCOPED_TRACE(problem->network.layers[problem->layer].name);
    const auto got = measure(*problem), expected = by_dense_hessian(*problem);
    EXPECT_NEAR(got.value, expected.value, 1e-6 * expected.value);
    EXPECT_NEAR(got.hessian_trace, expected.hessian_trace, 1e-6 * expected.hessian_trace);
    EXPECT_NEAR(got.weight_square, expected.weight_square, 1e-12 * expected.weight_square);
    EXPECT_DOUBLE_EQ(got.scaled_trace(), got.weight_square * got.hessian_trace);
  }
}

/// The same function of the images: weights and biases of layer `index` times c, weights of the next one through c.
std::vector<float> rescaled(const LayerProblem& problem, int index, float c) {
  auto weights = problem.weights;
  const auto scale = [&](const ParameterBlock& block, float by) {
    for (std::size_t i = block.offset; i < block.offset + block.size; ++i) weights[i] *= by;
  };
  const auto& layers = problem.network.layers;
  scale(layers[index].weight_block(), c);
  scale(layers[index].bias_block(), c);
  scale(layers[static_cast<std::size_t>(index) + 1].weight_block(), 1.0F / c);
  return weights;
}

TEST(RelativeFlatness, DoesNotChangeWithTheScaleOfReluLayers) {
  for (const auto& problem : layer_problems()) {
    SCOPED_TRACE(problem->network.layers[problem->layer].name);
    const auto before = measure(*problem);
    for (const float c : {0.25F, 3.0F, 17.0F})
      for (int index = 0; index + 1 < static_cast<int>(problem->network.layers.size()); ++index) {
        const auto after = measure(*problem, rescaled(*problem, index, c));
        EXPECT_NEAR(after.value, before.value, 1e-6 * before.value);
        if (index == problem->layer) {
          EXPECT_NEAR(after.hessian_trace * c * c, before.hessian_trace, 2e-6 * before.hessian_trace);
        }
      }
  }
}

// W becomes D W and B_n D^-1 B_n D^-1, so that a layer does not feel the scale of its own units. The one behind does:
// its |h_n|^2 and the products of its outputs' weights change each in their own way.
TEST(RelativeFlatness, ChangesWithTheScaleOfSingleUnitsInTheLayerBehindAlone) {
  LayerProblem problem(multilayer_perceptron(12, 2, 6, 4), 1, 71);
  auto weights = problem.weights;
  const auto& layer = problem.network.layers[1];
  const auto& next = problem.network.layers[2];
  for (const std::size_t unit : {0U, 2U, 4U}) {
    for (std::size_t i = 0; i < 6; ++i) weights[layer.weights + 6 * unit + i] *= 3.0F;
    weights[layer.bias + unit] *= 3.0F;
    for (std::size_t o = 0; o < 4; ++o) weights[next.weights + 6 * o + unit] /= 3.0F;
  }
  for (const int index : {0, 1, 2}) {
    problem.layer = index;
    const double before = measure(problem).value, change = measure(problem, weights).value - before;
    if (index < 2) {
      EXPECT_NEAR(change, 0.0, 1e-6 * before) << index;
    } else {
      EXPECT_GT(std::abs(change), 0.05 * before);
    }
  }
}

TEST(RelativeFlatness, IsBitwiseTheSameForAnyTeam) {
  const LayerProblem problem(multilayer_perceptron(12, 2, 6, 4), 1, 1701);  // five blocks
  const auto& set = problem.images.set;
  const auto alone = relative_flatness(Communicator::self(), problem.network, problem.weights, 1, set);
  const auto together = measure(problem);
  EXPECT_EQ(together.value, alone.value);
  EXPECT_EQ(together.hessian_trace, alone.hessian_trace);
}

TEST(RelativeFlatness, StopsBetweenBlocks) {
  const LayerProblem problem(multilayer_perceptron(12, 2, 6, 4), 1, 1701);
  EXPECT_THROW((void)relative_flatness(Communicator::world(), problem.network, problem.weights, 1, problem.images.set,
                                       [](double) { throw Stopped("enough"); }),
               Stopped);
}

}  // namespace
}  // namespace flatsweep::relative_flatness_test
