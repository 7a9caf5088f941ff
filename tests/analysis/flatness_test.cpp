#include "flatsweep/analysis/flatness.hpp"

#include "flatsweep/analysis/level_crossing.hpp"
#include "flatsweep/base/random.hpp"
#include "flatsweep/nn/architecture.hpp"
#include "flatsweep/train/evaluator.hpp"
#include "flatsweep/train/trainer.hpp"
#include "train/pytorch_reference.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace flatsweep::flatness_test {
namespace {

/// Random images and a network that has not learnt them: the loss is of order one and depends on every layer.
struct Problem {
  static constexpr int features = 20, classes = 4;
  std::vector<std::uint8_t> pixels, labels;
  ImageSet set;
  Network network;
  std::vector<float> weights;

  Problem(int hidden_layers, int samples) : network(multilayer_perceptron(features, hidden_layers, 9, classes)) {
    Random random(7, RandomPurpose::simulation);
    for (int i = 0; i < samples * features; ++i) pixels.push_back(static_cast<std::uint8_t>(random.below(256)));
    for (int i = 0; i < samples; ++i) labels.push_back(static_cast<std::uint8_t>(random.below(classes)));
    set = {pixels, labels, features};
    weights = initial_weights(network, 3, Initialisation::plain);
    for (float& w : weights) w *= 3.0F;  // away from the flat start, so that profiles bend within reach
  }

  std::vector<float> random_direction(int layer, std::int64_t seed) const {
    Random random(seed, RandomPurpose::simulation);
    std::vector<float> p(network.layers[layer].size());
    double squares = 0.0;
    for (float& x : p) squares += std::pow(x = static_cast<float>(random.normal()), 2);
    for (float& x : p) x /= static_cast<float>(std::sqrt(squares));
    return p;
  }

  /// The slow oracle: move the weights, run the whole network over the whole set.
  double loss_at(int layer, const std::vector<float>& direction, double step) const {
    auto moved = weights;
    for (std::size_t i = 0; i < direction.size(); ++i)
      moved[network.layers[layer].weights + i] += static_cast<float>(step) * direction[i];
    return Evaluator(network).evaluate(moved, set).loss;
  }
};

std::vector<double> losses_along(LayerProbe& probe, std::span<const float> direction,
                                 const std::vector<double>& steps) {
  std::vector<double> losses(steps.size());
  const LayerProbe::Profile profile{direction, steps, losses};
  probe.evaluate({&profile, 1});
  return losses;
}

LayerProbe::Derivatives derivatives_along(LayerProbe& probe, std::span<const float> direction) {
  return probe.derivatives({&direction, 1}).front();
}

// Both sides add up single-precision losses of order one over a few hundred samples.
constexpr double rounding = 2e-6;

TEST(LayerProbe, LossesEqualTheFullForwardPassForEveryLayer) {
  for (const int hidden_layers : {1, 2, 4}) {
    const Problem problem(hidden_layers, 301);  // not a multiple of the block
    for (int layer = 0; layer <= hidden_layers; ++layer) {
      LayerProbe probe(problem.network, problem.weights, layer, problem.set);
      const auto direction = problem.random_direction(layer, 100 + layer);
      const std::vector<double> steps = {-3.0, -0.1, 0.0, 0.7, 5.0};
      const auto losses = losses_along(probe, direction, steps);
      for (std::size_t i = 0; i < steps.size(); ++i) {
        const double expected = problem.loss_at(layer, direction, steps[i]);
        EXPECT_NEAR(losses[i], expected, rounding * expected)
            << hidden_layers << " hidden, layer " << layer << ", step " << steps[i];
      }
      EXPECT_NEAR(probe.loss(), problem.loss_at(layer, direction, 0.0), rounding * probe.loss());
    }
  }
}

// Directions that share a pass over the samples must not see one another: equal to the last bit.
TEST(LayerProbe, DirectionsTogetherAreTheSameAsOneByOne) {
  const Problem problem(3, 150);
  for (int layer = 0; layer < 3; ++layer) {
    LayerProbe probe(problem.network, problem.weights, layer, problem.set);
    const std::vector<std::vector<float>> directions = {problem.random_direction(layer, 1),
                                                        problem.random_direction(layer, 2)};
    const std::vector<std::vector<double>> steps = {{-1.0, 0.3, 2.0}, {0.5}};
    std::vector<std::vector<double>> losses = {std::vector<double>(3), std::vector<double>(1)};
    const std::vector<LayerProbe::Profile> both = {{directions[0], steps[0], losses[0]},
                                                   {directions[1], steps[1], losses[1]}};
    probe.evaluate(both);
    const std::vector<LayerProbe::WeightDirection> views(directions.begin(), directions.end());
    const auto derivatives = probe.derivatives(views);
    for (std::size_t i = 0; i < 2; ++i) {
      EXPECT_EQ(losses[i], losses_along(probe, directions[i], steps[i]));
      const auto alone = derivatives_along(probe, directions[i]);
      EXPECT_EQ(derivatives[i].first, alone.first);
      EXPECT_EQ(derivatives[i].second, alone.second);
    }
  }
}

// The gradient itself is checked against finite differences in tests/nn; here the two passes must agree.
TEST(LayerProbe, FirstDerivativeIsTheGradientAlongTheDirection) {
  const Problem problem(2, 200);
  NetworkExecutor executor(problem.network, 200, Direction::forward_and_backward);
  std::vector<const std::uint8_t*> images;
  for (std::size_t i = 0; i < 200; ++i) images.push_back(problem.set.image(i));
  std::vector<float> gradient(problem.network.parameters);
  executor.load(images);
  executor.forward(problem.weights);
  (void)executor.backward(problem.weights, problem.labels, gradient);
  for (int layer = 0; layer < 3; ++layer) {
    LayerProbe probe(problem.network, problem.weights, layer, problem.set);
    const auto direction = problem.random_direction(layer, 5);
    double expected = 0.0;
    for (std::size_t i = 0; i < direction.size(); ++i)
      expected += static_cast<double>(gradient[problem.network.layers[layer].weights + i]) * direction[i];
    EXPECT_NEAR(derivatives_along(probe, direction).first, expected, 1e-5)
        << "layer " << layer;  // sums of rounded terms of order one
  }
}

// The last layer has no kink behind it, so that the second derivative is exact at any step.
TEST(LayerProbe, SecondDerivativeOfTheLastLayerEqualsAFiniteDifference) {
  const Problem problem(2, 200);
  LayerProbe probe(problem.network, problem.weights, 2, problem.set);
  const auto direction = problem.random_direction(2, 5);
  const double h =
      0.1;  // single-precision losses: rounding 1e-7/h^2 = 1e-5, truncation h^2/12 of the fourth derivative
  const auto l = losses_along(probe, direction, {-2 * h, -h, 0.0, h, 2 * h});
  const double second = (-l[0] + 16 * l[1] - 30 * l[2] + 16 * l[3] - l[4]) / (12 * h * h);
  EXPECT_NEAR(derivatives_along(probe, direction).second, second, 2e-3 * std::abs(second));
}

TEST(Flatness, IsWhereTheFullLossIsETimesTheSolutions) {
  const auto world = Communicator::world();
  const Problem problem(2, 150);
  LayerProbe probe(problem.network, problem.weights, 1, problem.set);
  Eigen::MatrixXd directions(81, 5);
  for (int i = 0; i < 5; ++i) {
    const auto p = problem.random_direction(1, 40 + i);
    for (int j = 0; j < 81; ++j) directions(j, i) = static_cast<double>(p[j]);
  }
  const auto found = measure_flatness(world, probe, directions, {0, 1, 2, 3, 4}, 5.0, {});
  ASSERT_EQ(found.size(), 5U);
  int bounded = 0;
  for (const auto& f : found) {
    const auto p = problem.random_direction(1, 40 + f.direction);
    for (const double edge : {f.left, f.right}) {
      if (std::isnan(edge)) continue;
      ++bounded;
      // The edge is known to 1e-4, and ln L changes by about 2 per unit of ln d there.
      EXPECT_NEAR(std::log(problem.loss_at(1, p, edge) / probe.loss()), 1.0, 1e-3);
    }
    EXPECT_EQ(f.status() == CrossingStatus::ok, std::isfinite(f.flatness()));
  }
  EXPECT_GE(bounded, 8);
}

// Sides of a network that has learnt digits, along random directions and single weights.
TEST(Flatness, TakesFourOrFiveEvaluationsASide) {
  const ImageDataset data(Communicator::self(),
                          {.name = "mnist-sample", .root = FLATSWEEP_SOURCE_DIR "/data", .teacher = {}});
  const auto network = multilayer_perceptron(data.train().features, 2, 30, 10);
  TrainerOptions options;
  options.optimizer.learning_rate = 0.1;
  TrainerState state;
  state.weights = initial_weights(network, 1, Initialisation::plain);
  Trainer trainer(network, data.train(), data.test(), options, state);
  for (int epoch = 0; epoch < 15; ++epoch) trainer.run_steps();
  LayerProbe probe(network, trainer.state().weights, 1, data.train());
  constexpr int count = 40;
  Random random(7, RandomPurpose::simulation);
  Eigen::MatrixXd directions = Eigen::MatrixXd::Zero(900, count);
  for (int i = 0; i < count; ++i) {
    if (i % 2 == 0)
      for (double& x : directions.col(i)) x = random.normal() / 30.0;
    else
      directions(20 * i, i) = 1.0;
  }
  const auto found = measure_flatness(Communicator::self(), probe, directions, choose_directions(count, 0), 10.0, {});
  double sides = 0.0, evaluations = 0.0;
  for (const auto& f : found) {
    if (f.status() != CrossingStatus::ok) continue;
    const auto points = static_cast<double>(f.profile_theta.size() - 1);
    EXPECT_LE(points, 16.0) << "direction " << f.direction;
    sides += 2.0;
    evaluations += points;
  }
  EXPECT_GE(sides, 40.0);
  EXPECT_LE(evaluations / sides, 5.0);
}

TEST(Flatness, AFullProfileAddsPointsAndLeavesTheCrossings) {
  const Problem problem(2, 150);
  LayerProbe probe(problem.network, problem.weights, 1, problem.set);
  Eigen::MatrixXd directions(81, 4);
  for (int i = 0; i < 4; ++i) {
    const auto p = problem.random_direction(1, 40 + i);
    for (int j = 0; j < 81; ++j) directions(j, i) = static_cast<double>(p[j]);
  }
  const auto plain = measure_flatness(Communicator::self(), probe, directions, {0, 3}, 5.0, {});
  const auto full = measure_flatness(Communicator::self(), probe, directions, {0, 3}, 5.0, {.full_profiles = 4});
  for (std::size_t i = 0; i < plain.size(); ++i) {
    ASSERT_EQ(plain[i].status(), CrossingStatus::ok);
    EXPECT_EQ(plain[i].left, full[i].left);
    EXPECT_EQ(plain[i].right, full[i].right);
    EXPECT_EQ(full[i].profile_theta.size(), plain[i].profile_theta.size() + 12);
    EXPECT_EQ(full[i].status(), CrossingStatus::ok);
    EXPECT_TRUE(std::ranges::is_sorted(full[i].profile_theta));
    const auto p = problem.random_direction(1, 40 + plain[i].direction);
    for (std::size_t k = 0; k < full[i].profile_theta.size(); ++k)
      EXPECT_NEAR(full[i].profile_log_loss[k], std::log(problem.loss_at(1, p, full[i].profile_theta[k])), 1e-5);
  }
}

// Gaps between outputs so large that every sample's loss is 0 in single precision.
TEST(Flatness, OfAPerfectSolutionIsUndefined) {
  Problem problem(2, 8);
  for (float& w : problem.weights) w *= 1000.0F;
  for (std::size_t i = 0; i < problem.labels.size(); ++i) {
    const ImageSet one{std::span(problem.pixels).subspan(i * Problem::features, Problem::features),
                       std::span(problem.labels).subspan(i, 1), Problem::features};
    for (problem.labels[i] = 0; Evaluator(problem.network).evaluate(problem.weights, one).loss > 0.0;)
      ASSERT_LT(++problem.labels[i], Problem::classes);
  }
  LayerProbe probe(problem.network, problem.weights, 1, problem.set);
  ASSERT_EQ(probe.loss(), 0.0);
  const auto found = measure_flatness(Communicator::world(), probe, Eigen::MatrixXd::Identity(81, 2), {0, 1}, 5.0, {});
  ASSERT_EQ(found.size(), 2U);
  for (const auto& f : found) {
    EXPECT_TRUE(std::isnan(f.flatness()));
    EXPECT_EQ(f.status(), CrossingStatus::undefined);
  }
}

TEST(Flatness, TellsAJumpFromASideThatNeverReachesTheLevel) {
  DirectionFlatness f{
      .left = NAN, .right = NAN, .profile_theta = {-10.0, 0.0, 1e-9}, .profile_log_loss = {-5.0, -5.0, 2.0}};
  EXPECT_EQ(f.status(), CrossingStatus::left_unbounded_right_undefined);
  f.left = -3.0;
  EXPECT_EQ(f.status(), CrossingStatus::right_undefined);
  f.profile_log_loss.back() = -4.5;
  EXPECT_EQ(f.status(), CrossingStatus::right_unbounded);
  f.left = NAN;
  EXPECT_EQ(f.status(), CrossingStatus::unbounded);
  f = {.left = NAN, .right = NAN, .profile_theta = {-1e-9, 0.0, 10.0}, .profile_log_loss = {2.0, -5.0, -5.0}};
  EXPECT_EQ(f.status(), CrossingStatus::left_undefined_right_unbounded);
  f.right = 3.0;
  EXPECT_EQ(f.status(), CrossingStatus::left_undefined);
  f.profile_log_loss.front() = -4.5;
  EXPECT_EQ(f.status(), CrossingStatus::left_unbounded);
}

TEST(Flatness, RefusesDirectionsThatAreNotThere) {
  const Problem problem(2, 100);
  LayerProbe probe(problem.network, problem.weights, 1, problem.set);
  const Eigen::MatrixXd directions = Eigen::MatrixXd::Identity(81, 5);
  for (const int absent : {5, -1})
    EXPECT_THROW(std::ignore = measure_flatness(Communicator::world(), probe, directions, {0, absent}, 5.0, {}),
                 ConfigError);
}

TEST(Flatness, IsTheSameForAnyTeam) {
  const auto world = Communicator::world();
  const Problem problem(2, 100);
  LayerProbe probe(problem.network, problem.weights, 1, problem.set);
  const Eigen::MatrixXd directions = Eigen::MatrixXd::Identity(81, 81);
  const std::vector<int> chosen = {0, 3, 7, 8, 20, 41, 80};
  const auto together = measure_flatness(world, probe, directions, chosen, 5.0, {});
  const auto alone = measure_flatness(Communicator::self(), probe, directions, chosen, 5.0, {});
  ASSERT_EQ(together.size(), alone.size());
  for (std::size_t i = 0; i < alone.size(); ++i) {
    EXPECT_EQ(together[i].direction, chosen[i]);
    EXPECT_EQ(together[i].slope, alone[i].slope);
    EXPECT_EQ(together[i].profile_log_loss, alone[i].profile_log_loss);
    EXPECT_TRUE(together[i].right == alone[i].right || std::isnan(alone[i].right));
  }
}

// Crossings by bisection in double precision, slope and curvature by PyTorch's automatic differentiation.
TEST(Flatness, AgreesWithAnIndependentPyTorchRun) {
  const auto reference = read_reference();
  const auto network = reference_network();
  const auto pixels = as_bytes(reference.at("images")), labels = as_bytes(reference.at("labels"));
  const ImageSet set{pixels, labels, 20};
  LayerProbe probe(network, weights_at(reference, network, "sgd/final"), 1, set);
  const auto& p = reference.at("flatness/direction").values;
  const Eigen::MatrixXd direction = Eigen::Map<const Eigen::VectorXd>(p.data(), std::ssize(p));
  const auto found = measure_flatness(Communicator::self(), probe, direction, {0}, 10.0, {}).front();
  const auto expected = [&](const char* what) { return reference.at(std::string("flatness/") + what).values.front(); };
  EXPECT_NEAR(found.left, expected("left"), 1.1e-4 * std::abs(expected("left")));  // the search's own tolerance
  EXPECT_NEAR(found.right, expected("right"), 1.1e-4 * expected("right"));
  EXPECT_NEAR(found.slope, expected("slope"), 1e-5);  // single-precision sums of terms of order one
  EXPECT_NEAR(found.curvature, expected("curvature"), 1e-5);
}

TEST(ChooseDirections, KeepsBothEndsAndOrder) {
  const auto all = choose_directions(10, 0);
  EXPECT_EQ(all.size(), 10U);
  EXPECT_EQ(choose_directions(10, 3, DirectionChoice::leading), (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(choose_directions(2, 3, DirectionChoice::leading), (std::vector<int>{0, 1}));
  const auto some = choose_directions(2500, 60);
  EXPECT_EQ(some.front(), 0);
  EXPECT_EQ(some.back(), 2499);
  for (std::size_t i = 1; i < some.size(); ++i) EXPECT_LT(some[i - 1], some[i]);
}

}  // namespace
}  // namespace flatsweep::flatness_test
