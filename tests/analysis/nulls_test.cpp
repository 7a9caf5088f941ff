#include "flatsweep/analysis/nulls.hpp"

#include "dense_modes.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/base/random.hpp"
#include "flatsweep/train/evaluator.hpp"
#include "nn/oracle.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>

namespace flatsweep::nulls_test {
namespace {

std::vector<float> times(float factor, std::vector<float> values) {
  for (float& value : values) value *= factor;
  return values;
}

/// A small network, its loss of order one, and a made-up window.
struct Problem {
  float scale = 1.0F;  // of all weights
  Network network = multilayer_perceptron(20, 2, 8, 5);
  ToyImages train{100, 20, 5, 2};
  std::vector<float> weights = times(scale, initial_weights(network, 1, Initialisation::plain));
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

// The scatter of so few directions is too wide for an exponent: what is refused has its points and says why.
// app/recompute fits exponents of walks that have one.
TEST(Nulls, FitsPsiOfTheWalkToItsOwnDirectionsThatMove) {
  Problem problem{.scale = 4.0F};  // a loss of order one never grows e-fold in most directions
  const auto nulls = problem.nulls({});
  int fitted = 0;
  for (const auto& f : nulls.walk_flatness)
    if (std::isfinite(f.flatness()) && f.direction < nulls.walk->moving) ++fitted;
  ASSERT_GE(fitted, least_points);
  EXPECT_EQ(nulls.walk_psi.all.points, fitted);
  EXPECT_EQ(nulls.walk_psi.all.status, FitStatus::uncertain);
  EXPECT_TRUE(std::isnan(nulls.walk_psi.all.value));
}

// Dense algebra on the rows of the two halves, single-precision rows of order 0.01.
TEST(Nulls, TakesDirectionsFromOneHalfAndVarianceFromTheOther) {
  Problem problem;
  const auto nulls = problem.nulls({});
  Eigen::MatrixXd rows(100, 64);
  Index filled = 0;
  problem.window.for_each_block([&](const SnapshotBlock& block) {
    rows.middleRows(filled, block.rows()) = block.cast<double>();
    filled += block.rows();
  });
  const auto covariance = [&](Index first) {
    Eigen::MatrixXd half = rows.middleRows(first, 50);
    half.rowwise() -= half.colwise().mean().eval();
    return Eigen::MatrixXd(half.transpose() * half / 50.0);
  };
  const auto last = dense_modes(covariance(50));
  const auto& held_out = *nulls.held_out;
  ASSERT_GT(held_out.direction.size(), 20U);
  for (Index i = 0; i < 20; ++i) {
    const Eigen::VectorXd p = last.vectors.col(i);
    EXPECT_NEAR(held_out.variance(i), last.values(i), 1e-9 * last.values(0));
    EXPECT_NEAR(held_out.held_out_variance(i), p.dot(covariance(0) * p), 1e-6 * last.values(0));
  }
}

// Two halves of white noise in which every direction is alike: within its own half PCA finds 5 times more variance
// along the first direction than along the last, (1 + r)^2/(1 - r)^2 with r = sqrt(20/150); in the other half there is
// nothing to find: 150 values, 12 % each.
TEST(HeldOut, SeesWhatChanceChose) {
  Problem problem;
  Random random(9, RandomPurpose::simulation);
  auto rows = std::make_shared<RowMatrixF>(RowMatrixF::Zero(300, 64));
  for (auto& x : rows->leftCols(20).reshaped()) x = static_cast<float>(random.normal());
  const auto found = measure_held_out(problem.world, in_memory(rows), 300, choose_directions(20, 0), problem.probe, 2.0,
                                      {}, {0, 63, 1.0, 1});
  EXPECT_GT(found.variance(0), 3.0 * found.variance(19));
  for (const double variance : found.held_out_variance) EXPECT_NEAR(variance, 1.0, 0.5);
}

// sigma^2 = F^-3 with a scatter; beside the range, beyond what moves and at the level of rounding stand outliers.
TEST(HeldOut, FitsItsOwnPsiInTheRangeAlone) {
  const std::vector<int> direction = choose_directions(60, 0);
  Random random(3, RandomPurpose::simulation);
  Eigen::VectorXd variance(60);
  std::vector<DirectionFlatness> flatness(60);
  std::vector<double> x, y;
  for (int i = 0; i < 60; ++i) {
    const double width = std::pow(10.0, i / 30.0);
    flatness[i].direction = i;
    flatness[i].left = -0.4 * width;
    flatness[i].right = 0.6 * width;
    variance(i) = std::pow(width, -3.0) * std::exp(0.1 * random.normal());
    if (i >= 10 && i < 45 && i != 20) {
      x.push_back(std::log(width));
      y.push_back(std::log(variance(i)));
    }
  }
  PsiOptions options{10, 49, 0.0, 1};
  options.moving = 45;
  variance(20) = 1e-12;  // rounding
  for (const int outside : {0, 9, 45, 49, 50, 59}) variance(outside) *= 1e6;
  const auto fit = fit_own_psi(direction, variance, flatness, 1e-12, options).all;
  const Eigen::Map<const Eigen::ArrayXd> u(x.data(), std::ssize(x)), v(y.data(), std::ssize(y));
  const double slope = ((u - u.mean()) * (v - v.mean())).sum() / (u - u.mean()).square().sum();
  EXPECT_EQ(fit.points, 34);
  EXPECT_NEAR(fit.value, -slope, 1e-9);
}

TEST(Nulls, MeasuresWhatIsAskedFor) {
  Problem problem;
  NullsOptions options;
  options.walk_flatness = false;
  options.held_out = false;
  options.scan_halvings = 0;
  const auto walk_only = problem.nulls(options);
  EXPECT_TRUE(walk_only.walk.has_value());
  EXPECT_TRUE(walk_only.walk_flatness.empty());
  EXPECT_FALSE(walk_only.held_out.has_value());
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

// The last half, whose PCA the held-out psi takes as well, and the other windows: analysis/window_scan_test has them
// against dense algebra.
TEST(Nulls, ScanTheWindowAsAScanByItselfDoes) {
  Problem problem;
  const auto shared = problem.nulls({}).scan.value();
  const auto alone = scan_window(problem.world, problem.window, problem.pca, problem.direction, {}, {0, 63, 1.0, 1}, 4);
  EXPECT_EQ(shared.length, (std::vector<std::int64_t>{6, 12, 25, 50, 100}));
  EXPECT_EQ(shared.variance, alone.variance);
  for (std::size_t w = 0; w < 5; ++w) {  // solves for all directions and for few round differently
    EXPECT_NEAR(shared.total_variance[w] / alone.total_variance[w], 1.0, 1e-12);
    EXPECT_NEAR(shared.rounding[w] / alone.rounding[w], 1.0, 1e-6);
  }
  EXPECT_EQ(shared.learning_dimension, alone.learning_dimension);
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
}  // namespace flatsweep::nulls_test
