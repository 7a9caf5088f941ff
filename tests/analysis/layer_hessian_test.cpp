#include "flatsweep/analysis/layer_hessian.hpp"

#include "dense_modes.hpp"
#include "flatsweep/nn/architecture.hpp"
#include "nn/oracle.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace flatsweep {
namespace {

struct Problem {
  Network network;
  ToyImages images;
  std::vector<float> weights;
  int layer;
  std::size_t first, size;

  Problem(Network net, int index, int samples)
      : network(std::move(net)), images(samples, network.inputs(), network.classes(), 5), layer(index) {
    weights = initial_weights(network, 3, Initialisation::plain);
    for (float& w : weights) w *= 1.5F;  // away from uniform outputs
    const auto& block = network.layers[static_cast<std::size_t>(index)];
    first = block.weights;
    size = block.size();
  }

  [[nodiscard]] LayerExpansion expand() const {
    return expand_loss(Communicator::world(), network, weights, layer, images.set);
  }

  /// The mean loss by plain loops with two of the layer's weights moved.
  [[nodiscard]] long double loss(std::size_t i, long double di, std::size_t j = 0, long double dj = 0.0L) const {
    auto moved = widen(weights);
    moved[first + i] += di;
    moved[first + j] += dj;
    const auto count = static_cast<std::size_t>(images.set.count());
    return plain_evaluation(network, moved, images.set, 0, count).loss / static_cast<long double>(count);
  }
  [[nodiscard]] double second_difference(std::size_t i, std::size_t j) const {
    constexpr long double d = 1e-5L;  // rounding of 80-bit losses of order one, 1e-19 / d^2, and few kinks within
    return static_cast<double>((loss(i, d, j, d) - loss(i, d, j, -d) - loss(i, -d, j, d) + loss(i, -d, j, -d)) /
                               (4.0L * d * d));
  }
  [[nodiscard]] double first_difference(std::size_t i) const {
    constexpr long double d = 1e-6L;
    return static_cast<double>((loss(i, d) - loss(i, -d)) / (2.0L * d));
  }
};

std::vector<std::unique_ptr<Problem>> problems() {
  std::vector<std::unique_ptr<Problem>> list;
  for (const int layer : {0, 1, 2})
    list.push_back(std::make_unique<Problem>(multilayer_perceptron(12, 2, 6, 4), layer, 71));
  const ImageShape shape{2, 6, 5};
  std::vector<LayerSpec> layers;
  for (const auto* text : {"conv 3 kernel 3 padding 1", "pool 2", "conv 4 kernel 2", "fc 5"})
    layers.push_back(parse_layer_spec(text));
  const auto convolutions = build_network(shape, layers, 4);
  for (const int layer : {0, 1, 2}) list.push_back(std::make_unique<Problem>(convolutions, layer, 45));
  return list;
}

TEST(LayerHessian, EqualsFiniteDifferencesOfPlainLoops) {
  for (const auto& made : problems()) {
    const auto& problem = *made;
    SCOPED_TRACE(problem.network.layers[static_cast<std::size_t>(problem.layer)].name);
    const auto expansion = problem.expand();
    ASSERT_EQ(expansion.hessian.rows(), static_cast<Eigen::Index>(problem.size));
    // Outputs and Jacobians in single precision.
    EXPECT_NEAR(expansion.loss, static_cast<double>(problem.loss(0, 0.0L)), 1e-6);
    const double scale = expansion.hessian.cwiseAbs().maxCoeff();
    const std::size_t step = problem.size / 9 + 1;
    for (std::size_t i = 0; i < problem.size; i += step) {
      EXPECT_NEAR(expansion.gradient(static_cast<Eigen::Index>(i)), problem.first_difference(i), 2e-6);
      for (std::size_t j = 0; j <= i; j += step)
        EXPECT_NEAR(expansion.hessian(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)),
                    problem.second_difference(i, j), 4e-6 * scale)
            << i << ", " << j;
    }
  }
}

TEST(LayerHessian, IsSymmetricAndNotNegative) {
  for (const auto& problem : problems()) {
    const auto h = problem->expand().hessian;
    EXPECT_EQ((h - h.transpose()).cwiseAbs().maxCoeff(), 0.0);
    const Eigen::VectorXd values = dense_modes(h).values.reverse();
    EXPECT_GT(values(0), -1e-12 * values.tail(1)(0) - 1e-15);  // a sum of squares, up to rounding
    EXPECT_GT(values.tail(1)(0), 1e-3);
  }
}

// Adding the same number to all logits changes nothing: a shift of all outputs of the last layer is free, one zero for
// each of its inputs.
TEST(LayerHessian, LastLayerHasAsManyZeroEigenvaluesAsInputs) {
  const Problem problem(multilayer_perceptron(12, 2, 6, 4), 2, 71);
  const Eigen::VectorXd values = dense_modes(problem.expand().hessian).values.reverse();
  EXPECT_LT(values(5), 1e-7 * values.tail(1)(0));  // the six smallest; the Jacobians are in single precision
}

// The outputs grow in proportion to the weights of a ReLU layer with its bias; H_lnL = H/L - g g^T/L^2 takes a rank-one
// matrix from a positive one, so that one eigenvalue at most is negative.
TEST(LayerHessian, OfLogLossHasAtMostOneNegativeEigenvalue) {
  for (const auto& problem : problems()) {
    const Eigen::VectorXd values = dense_modes(problem->expand().log_loss_hessian()).values.reverse();
    EXPECT_GT(values(1), -1e-9 * values.tail(1)(0));
  }
}

}  // namespace
}  // namespace flatsweep
