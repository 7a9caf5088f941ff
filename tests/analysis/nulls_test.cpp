#include "flatsweep/analysis/nulls.hpp"

#include "flatsweep/train/evaluator.hpp"
#include "nn/oracle.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>

namespace flatsweep {
namespace {

using Eigen::Index;

/// A small network, its loss of order one, and a made-up window.
struct Problem {
  Network network = multilayer_perceptron(20, 2, 8, 5);
  ToyImages train{100, 20, 5, 2};
  std::vector<float> weights = initial_weights(network, 1, Initialisation::plain);
  FrozenRun run{network, weights, 1, train.set, {10, Sampling::reshuffle, 1, {}}, 7, 10};
  SnapshotSource window = noise_walk(run, Eigen::VectorXd::Constant(64, 1e-3));  // with a drift
  LayerProbe probe{network, weights, 1, train.set};
  Communicator world = Communicator::world();
  Pca pca = principal_components(world, window);
  std::vector<int> direction = choose_directions(40, 0);
  std::vector<DirectionFlatness> flatness = measure_flatness(world, probe, pca.directions, direction, 2.0, {});

  Nulls nulls(const NullsOptions& options) {
    return measure_nulls(world, {run, window, pca, direction, flatness, 2.0}, probe, options, {}, {0, 63, 1.0, 1});
  }
  double loss_at(const Eigen::VectorXd& p, double step) const {
    auto moved = weights;
    for (Index i = 0; i < p.size(); ++i)
      moved[network.layers[1].weights + static_cast<std::size_t>(i)] += static_cast<float>(step * p(i));
    return Evaluator(network).evaluate(moved, train.set).loss;
  }
};

// The crossing is found to 1e-4 of its position; ln L changes by a few units over it.
TEST(Nulls, MeasuresTheFlatnessOfTheWalksOwnDirections) {
  Problem problem;
  const auto nulls = problem.nulls({});
  ASSERT_EQ(nulls.walk_flatness.size(), problem.direction.size());
  int bounded = 0;
  for (const auto& f : nulls.walk_flatness) {
    const Eigen::VectorXd p = nulls.walk->directions.col(f.direction);
    for (const double side : {f.left, f.right})
      if (std::isfinite(side)) {
        EXPECT_NEAR(std::log(problem.loss_at(p, side) / problem.loss_at(p, 0.0)), 1.0, 2e-3);
        ++bounded;
      }
  }
  EXPECT_GT(bounded, 8);
}

TEST(Nulls, FitsPsiOfTheWalkByLeastSquaresOfLogarithms) {
  Problem problem;
  const auto nulls = problem.nulls({});
  double x = 0.0, y = 0.0, xx = 0.0, xy = 0.0, count = 0.0;
  for (const auto& f : nulls.walk_flatness) {
    const double width = std::log(f.flatness()), variance = std::log(nulls.walk->spectrum(f.direction));
    if (!std::isfinite(width)) continue;
    x += width;
    y += variance;
    xx += width * width;
    xy += width * variance;
    ++count;
  }
  ASSERT_GE(count, 3.0);  // a small loss of order one never grows e-fold in most directions
  EXPECT_NEAR(nulls.walk_psi.all.value, -(count * xy - x * y) / (count * xx - x * x), 1e-9);
}

TEST(Nulls, MeasuresWhatIsAskedFor) {
  Problem problem;
  NullsOptions options;
  options.walk_flatness = false;
  options.scan_halvings = 0;
  const auto walk_only = problem.nulls(options);
  EXPECT_TRUE(walk_only.walk.has_value());
  EXPECT_TRUE(walk_only.walk_flatness.empty());
  EXPECT_FALSE(walk_only.scan.has_value());
  problem.run.options.optimizer.kind = OptimizerKind::adam;
  EXPECT_FALSE(problem.nulls({}).walk.has_value());
  EXPECT_TRUE(problem.nulls({}).scan.has_value());
}

TEST(Nulls, DoWithoutAMeasuredFlatness) {
  Problem problem;
  problem.flatness.clear();
  const auto nulls = problem.nulls({});
  EXPECT_EQ(nulls.walk->predicted_variance, nulls.walk->flat_variance);
  for (const auto& psi : nulls.scan->psi) EXPECT_TRUE(std::isnan(psi.value));
}

TEST(Nulls, AreTheSameOnEveryRank) {
  Problem problem;
  const auto nulls = problem.nulls({});
  auto numbers = nulls.walk->walk_variance;
  problem.world.broadcast(std::span(numbers.data(), static_cast<std::size_t>(numbers.size())));
  EXPECT_EQ(numbers, nulls.walk->walk_variance);
  auto variance = nulls.scan->variance;
  problem.world.broadcast(std::span(variance.data(), static_cast<std::size_t>(variance.size())));
  EXPECT_EQ(variance, nulls.scan->variance);
}

}  // namespace
}  // namespace flatsweep
