#include "flatsweep/nn/propagator.hpp"

#include "flatsweep/base/random.hpp"
#include "nn/oracle.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace flatsweep {
namespace {

using Backend = MatrixProduct::Backend;

/// A network at its initial weights with one minibatch of images.
struct Problem {
  Problem(int inputs, int hidden_layers, int width, int classes, int batch_size)
      : network(multilayer_perceptron(inputs, hidden_layers, width, classes)),
        weights(initial_weights(network, 1, Initialisation::plain)),
        images(batch_size, inputs, classes, 2, 80.0),
        batch(batch_size) {}

  [[nodiscard]] std::vector<float> gradient(LossSum& sum, Backend backend = Backend::best) const {
    Propagator propagator(network, batch, Direction::forward_and_backward, backend);
    std::vector<float> out(network.parameters, std::numeric_limits<float>::quiet_NaN());
    propagator.load(images.pointers(0, images.labels.size()));
    propagator.forward(weights);
    sum = propagator.backward(weights, images.labels, out);
    return out;
  }
  /// Sum of the losses with the weights moved, in 80 bits.
  [[nodiscard]] long double loss_at(const Wide& moved) const {
    return plain_evaluation(network, moved, images.set, 0, images.labels.size()).loss;
  }

  Network network;
  std::vector<float> weights;
  ToyImages images;
  int batch;
};

float largest(std::span<const float> values) {
  float most = 0.0F;
  for (const float v : values) most = std::max(most, std::abs(v));
  return most;
}

class PropagatorTest : public testing::TestWithParam<Backend> {};

// Each pass is a chain of sums of at most 784 terms in single precision, whose errors are about 1e-6 of the largest
// gradient; 1e-5 leaves room. Central differences in 80 bits with step 1e-6 err by less than 1e-10.
TEST_P(PropagatorTest, GradientEqualsFiniteDifferencesOfAPlainForwardPass) {
  for (const auto& [inputs, hidden, width, classes, batch, every] : {std::tuple{7, 0, 1, 3, 5, 1},
                                                                     {5, 1, 4, 3, 1, 1},
                                                                     {9, 2, 6, 10, 16, 1},
                                                                     {20, 4, 7, 4, 17, 1},
                                                                     {784, 2, 50, 10, 50, 2003}}) {
    const Problem problem(inputs, hidden, width, classes, batch);
    SCOPED_TRACE(testing::Message() << inputs << " inputs, " << hidden << " x " << width << ", batch " << batch);
    LossSum sum;
    const auto gradient = problem.gradient(sum, GetParam());
    const double tolerance = 1e-5 * largest(gradient);
    for (std::size_t i = 0; i < gradient.size(); i += static_cast<std::size_t>(every)) {
      auto up = widen(problem.weights), down = up;
      up[i] += 1e-6L;
      down[i] -= 1e-6L;
      const auto slope = (problem.loss_at(up) - problem.loss_at(down)) / (2e-6L * batch);
      ASSERT_NEAR(gradient[i], static_cast<double>(slope), tolerance) << "weight " << i;
    }
  }
}

TEST_P(PropagatorTest, LossAndErrorsEqualAPlainForwardPass) {
  for (const int batch : {1, 15, 16, 50}) {
    const Problem problem(30, 3, 11, 10, batch);
    const auto exact =
        plain_evaluation(problem.network, widen(problem.weights), problem.images.set, 0, problem.images.labels.size());
    Propagator propagator(problem.network, batch, Direction::forward_only, GetParam());
    propagator.load(problem.images.pointers(0, problem.images.labels.size()));
    propagator.forward(problem.weights);
    const auto sum = propagator.loss(problem.images.labels);
    EXPECT_NEAR(sum.loss, static_cast<double>(exact.loss), 1e-6 * static_cast<double>(exact.loss));
    EXPECT_EQ(sum.errors, exact.errors);
    LossSum with_gradient;
    (void)problem.gradient(with_gradient, GetParam());
    EXPECT_EQ(with_gradient.loss, sum.loss);
    EXPECT_EQ(with_gradient.errors, sum.errors);
  }
}

/// How the input of layer `next` moves when W of the layer before moves along `direction`: h D^T where the ReLU is
/// open.
Eigen::ArrayXXf tangent_after(Propagator& propagator, const Layer& layer, int next, std::span<const float> direction) {
  const Eigen::Map<const Eigen::MatrixXf> d(direction.data(), layer.inputs, layer.outputs);
  Eigen::ArrayXXf tangent = Eigen::ArrayXXf::Zero(propagator.logits().rows(), layer.outputs);
  if (next == 1)
    tangent.topRows(propagator.batch()) = (propagator.images().transpose() * d).array();
  else
    tangent = (propagator.input(next - 1).matrix() * d).array();
  if (layer.relu) tangent = (propagator.input(next) > 0.0F).select(tangent, 0.0F);
  return tangent;
}

/// Of length 1 or nearly so.
std::vector<float> random_direction(std::size_t size) {
  Random random(3, RandomPurpose::simulation);
  std::vector<float> direction(size);
  for (auto& d : direction) d = static_cast<float>(random.normal() / std::sqrt(static_cast<double>(size)));
  return direction;
}

// Differences in 80 bits with step 1e-4, small enough that no ReLU switches on the way: the derivatives err by 1e-8 of
// the higher ones, the second also by 1e-19 / 1e-8 = 1e-11 of the loss. Single precision errs by less than 1e-6 of what
// is summed: differences of the logits' tangents, and their squares, from which the squared mean is taken away.
TEST_P(PropagatorTest, DerivativesAlongALayerEqualFiniteDifferences) {
  const Problem problem(21, 3, 9, 6, 18);
  for (int index = 0; index < 4; ++index) {
    const auto& layer = problem.network.layers[static_cast<std::size_t>(index)];
    const auto direction = random_direction(layer.size());
    Propagator propagator(problem.network, problem.batch, Direction::forward_only, GetParam());
    propagator.load(problem.images.pointers(0, problem.images.labels.size()));
    propagator.forward(problem.weights);
    auto tangent = tangent_after(propagator, layer, index + 1, direction);
    const auto sum = propagator.derivatives(problem.weights, index + 1, tangent, problem.images.labels);
    const Eigen::ArrayXf widest = 2.0F * tangent.topRows(problem.batch).abs().rowwise().maxCoeff();
    const auto loss_along = [&](long double theta) {
      auto moved = widen(problem.weights);
      for (std::size_t j = 0; j < direction.size(); ++j) moved[layer.weights + j] += theta * direction[j];
      return problem.loss_at(moved);
    };
    constexpr long double h = 1e-4L;
    const auto loss = loss_along(0.0L), up = loss_along(h), down = loss_along(-h);
    const auto second = static_cast<double>((up - 2.0L * loss + down) / (h * h));
    EXPECT_NEAR(sum.loss, static_cast<double>(loss), 1e-6 * static_cast<double>(loss));
    EXPECT_NEAR(sum.first, static_cast<double>((up - down) / (2.0L * h)), 1e-6 * widest.sum()) << layer.name;
    EXPECT_NEAR(sum.second, second, 1e-6 * widest.square().sum()) << layer.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, PropagatorTest, testing::Values(Backend::best, Backend::eigen),
                         [](const auto& backend) { return backend.param == Backend::best ? "Best" : "Eigen"; });

TEST(Propagator, DoesNotDependOnTheKernelsBeyondRounding) {
  const Problem problem(784, 2, 50, 10, 50);
  LossSum best_sum, eigen_sum;
  const auto best = problem.gradient(best_sum, Backend::best);
  const auto eigen = problem.gradient(eigen_sum, Backend::eigen);
  EXPECT_NEAR(best_sum.loss, eigen_sum.loss, 1e-6 * eigen_sum.loss);
  for (std::size_t i = 0; i < best.size(); ++i) ASSERT_NEAR(best[i], eigen[i], 1e-5 * largest(eigen));  // as above
}

// The last block of a set is smaller: what the block before left in the rows behind must not count.
TEST(Propagator, LossOfFewerSamplesThanTheBatchIgnoresEarlierOnes) {
  const Problem problem(20, 2, 8, 4, 40);
  Propagator propagator(problem.network, 40, Direction::forward_only),
      fresh(problem.network, 40, Direction::forward_only);
  propagator.load(problem.images.pointers(0, 40));
  propagator.forward(problem.weights);
  for (auto* each : {&propagator, &fresh}) {
    each->load(problem.images.pointers(0, 3));
    each->forward(problem.weights);
  }
  const auto labels = std::span(problem.images.labels).first(3);
  EXPECT_EQ(propagator.loss(labels).loss, fresh.loss(labels).loss);
  const auto exact = plain_evaluation(problem.network, widen(problem.weights), problem.images.set, 0, 3).loss;
  EXPECT_NEAR(fresh.loss(labels).loss, static_cast<double>(exact), 1e-6 * static_cast<double>(exact));
}

TEST(Propagator, ForwardFromALayerContinuesFromItsInput) {
  const Problem problem(20, 2, 8, 4, 10);
  Propagator propagator(problem.network, 10, Direction::forward_only);
  propagator.load(problem.images.pointers(0, 10));
  propagator.forward(problem.weights);
  const auto whole = propagator.loss(problem.images.labels).loss;
  const Eigen::ArrayXXf logits = propagator.logits();
  for (const int first : {1, 2}) {
    propagator.forward(problem.weights, first);
    EXPECT_EQ(propagator.loss(problem.images.labels).loss, whole);
    EXPECT_TRUE((propagator.logits() == logits).all());
  }
}

TEST(Propagator, LossIsNotFiniteWhereAWeightIsNot) {
  const Problem problem(20, 2, 8, 4, 10);
  for (const auto& layer : problem.network.layers) {
    auto weights = problem.weights;
    weights[layer.weights + 1] = std::numeric_limits<float>::quiet_NaN();
    Propagator propagator(problem.network, 10, Direction::forward_only);
    propagator.load(problem.images.pointers(0, 10));
    propagator.forward(weights);
    EXPECT_FALSE(std::isfinite(propagator.loss(problem.images.labels).loss)) << layer.name;
  }
}

}  // namespace
}  // namespace flatsweep
