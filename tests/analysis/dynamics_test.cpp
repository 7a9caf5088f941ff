#include "flatsweep/analysis/dynamics.hpp"

#include "flatsweep/analysis/projection.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/base/random.hpp"
#include "flatsweep/par/agreement.hpp"
#include "train/toy_training.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace flatsweep::dynamics_test {
namespace {

/// A source on rank 0, nothing on the others.
SnapshotSource leaders(const Communicator& team, const RowMatrixF& rows) {
  return team.is_root() ? in_memory(std::make_shared<const RowMatrixF>(rows)) : SnapshotSource{};
}

RowMatrixF walk(Index steps, Index size, std::int64_t seed) {
  Random random(seed, RandomPurpose::simulation);
  RowMatrixF rows(steps, size);
  for (Index t = 0; t < steps; ++t)
    for (Index i = 0; i < size; ++i)
      rows(t, i) = (t > 0 ? rows(t - 1, i) : 0.5F) + static_cast<float>(random.normal() / (1.0 + i));
  return rows;
}

std::vector<int> first(int count) { return choose_directions(count, 0); }

/// The same bits, NaN at the same places.
void expect_equal(const std::vector<double>& a, const std::vector<double>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) && std::isnan(b[i])) continue;
    EXPECT_EQ(a[i], b[i]);
  }
}

void expect_equal(const Dynamics& a, const Dynamics& b) {
  EXPECT_EQ(a.iterations, b.iterations);
  EXPECT_EQ(a.direction, b.direction);
  EXPECT_EQ(a.lag, b.lag);
  for (const auto member :
       {&Dynamics::variance, &Dynamics::noise_strength, &Dynamics::tau, &Dynamics::tau_window,
        &Dynamics::window_identity, &Dynamics::drift, &Dynamics::correlation, &Dynamics::integrated_correlation,
        &Dynamics::displacement, &Dynamics::measured_displacement})
    expect_equal(a.*member, b.*member);
}

TEST(Dynamics, RefusesDirectionsThatAreNotThere) {
  const auto world = Communicator::world();
  const RowMatrixF rows = walk(50, 10, 1);
  const auto pca = principal_components(world, leaders(world, rows));
  for (const int absent : {10, -1})
    EXPECT_THROW(std::ignore = measure_dynamics(world, leaders(world, rows), pca, {0, absent}, {}), ConfigError);
}

// Projections by hand: v_i = (w(t+1) - w(t)) . p_i, D_i its mean square, sigma_i^2 what PCA says.
TEST(Dynamics, MeasuresEveryChosenDirection) {
  const auto world = Communicator::world();
  const RowMatrixF rows = walk(700, 45, 1);
  const auto pca = principal_components(world, leaders(world, rows));
  const std::vector<int> chosen = {0, 1, 5, 20, 33, 44};
  const auto dynamics = measure_dynamics(world, leaders(world, rows), pca, chosen, {});
  ASSERT_EQ(dynamics.noise_strength.size(), chosen.size());
  ASSERT_EQ(dynamics.correlation.size(), chosen.size() * dynamics.lag.size());
  const Eigen::MatrixXd velocity =
      (rows.bottomRows(699).cast<double>() - rows.topRows(699).cast<double>()) * pca.directions;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    const Eigen::VectorXd v = velocity.col(chosen[i]);
    EXPECT_NEAR(dynamics.noise_strength[i] / (v.squaredNorm() / 699.0), 1.0, 1e-12);  // 700 terms, sums of 45
    EXPECT_NEAR(dynamics.variance[i] / pca.variance(chosen[i]), 1.0, 1e-9);  // the least is 1e-5 of the largest
    EXPECT_NEAR(dynamics.drift[i], v.mean(), 1e-13);
    EXPECT_DOUBLE_EQ(dynamics.tau[i], dynamics.variance[i] / dynamics.noise_strength[i]);
    const double* c = dynamics.correlation.data() + i * dynamics.lag.size();
    EXPECT_EQ(c[0], 1.0);
    EXPECT_NEAR(c[1], v.head(698).dot(v.tail(698)) / 698.0 / dynamics.noise_strength[i], 1e-12);
  }
}

// A drift of 5e-9 an iteration about 0.7, where numbers lie 6e-8 apart: its variance is known, its velocity is
// rounding, and across it nothing is known.
TEST(Dynamics, LeavesOutWhatIsRounding) {
  const auto world = Communicator::world();
  RowMatrixF rows(2000, 6);
  for (Index t = 0; t < 2000; ++t)
    for (Index i = 0; i < 6; ++i) rows(t, i) = static_cast<float>(0.7 + 0.01 * i + 5e-9 * static_cast<double>(t));
  const auto pca = principal_components(world, leaders(world, rows));
  const auto dynamics = measure_dynamics(world, leaders(world, rows), pca, {0, 1, 5}, {});
  EXPECT_NEAR(dynamics.variance[0] / (6.0 * std::pow(5e-9 * 2000.0, 2) / 12.0), 1.0, 0.01);
  EXPECT_TRUE(std::isnan(dynamics.noise_strength[0]) && std::isnan(dynamics.tau[0]));
  for (const std::size_t i : {std::size_t{1}, std::size_t{2}}) {
    EXPECT_TRUE(std::isnan(dynamics.noise_strength[i]) && std::isnan(dynamics.drift[i]));
    EXPECT_TRUE(std::isnan(dynamics.correlation[i * dynamics.lag.size()]));
  }
}

// More weights than snapshots: PCA gives the last directions a variance of exactly 0, projections do not.
TEST(Dynamics, TakesVariancesFromThePca) {
  const auto world = Communicator::world();
  const RowMatrixF rows = walk(30, 45, 5);
  const auto pca = principal_components(world, leaders(world, rows));
  const auto chosen = first(static_cast<int>(pca.directions.cols()));
  const auto dynamics = measure_dynamics(world, leaders(world, rows), pca, chosen, {});
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    EXPECT_EQ(dynamics.variance[i], pca.variance(chosen[i]));
    if (std::isfinite(dynamics.noise_strength[i])) {
      EXPECT_EQ(dynamics.tau[i], pca.variance(chosen[i]) / dynamics.noise_strength[i]);
    }
  }
}

TEST(Dynamics, LagsGoFromZeroToTheLastPair) {
  const auto world = Communicator::world();
  const RowMatrixF rows = walk(900, 5, 2);
  const auto pca = principal_components(world, leaders(world, rows));
  DynamicsOptions options;
  options.lags = 50;
  const auto dynamics = measure_dynamics(world, leaders(world, rows), pca, {2}, options);
  ASSERT_LE(dynamics.lag.size(), 50U);
  EXPECT_GT(dynamics.lag.size(), 30U);  // the first few coincide and count once
  EXPECT_EQ(dynamics.lag.front(), 0);
  EXPECT_EQ(dynamics.lag[1], 1);
  EXPECT_EQ(dynamics.lag.back(), 898);
  options.lags = 5000;
  EXPECT_EQ(measure_dynamics(world, leaders(world, rows), pca, {2}, options).lag.size(), 899U);
}

// 300 directions are three panels: one pass each, all in one, and shared in another way by every team size.
TEST(Dynamics, IsBitwiseTheSameForAnyTeamAndAnyBudget) {
  const auto world = Communicator::world();
  const auto alone = Communicator::self();
  const RowMatrixF rows = walk(600, 300, 3);
  const auto pca = principal_components(alone, in_memory(std::make_shared<const RowMatrixF>(rows)));
  const auto expected =
      measure_dynamics(alone, in_memory(std::make_shared<const RowMatrixF>(rows)), pca, first(300), {});
  expect_equal(measure_dynamics(world, leaders(world, rows), pca, first(300), {}), expected);
  expect_equal(measure_dynamics(world, leaders(world, rows), pca, first(300), {}, 1), expected);
}

TEST(Dynamics, ReadsTheWindowAgainWhereTheBudgetIsSmall) {
  const auto world = Communicator::world();
  const RowMatrixF rows = walk(320, 300, 3);
  const auto pca = principal_components(world, leaders(world, rows));
  int passes = 0;
  SnapshotSource counted = leaders(world, rows);
  counted.for_each_block = [&passes, inner = counted.for_each_block](const SnapshotVisitor& visit) {
    ++passes;
    inner(visit);
  };
  (void)measure_dynamics(world, counted, pca, first(300), {}, 1);
  EXPECT_EQ(passes, world.is_root() ? (3 + world.size() - 1) / world.size() : 0);
  passes = 0;
  (void)measure_dynamics(world, counted, pca, first(300), {});
  EXPECT_EQ(passes, world.is_root() ? 1 : 0);
}

TEST(Dynamics, OfAReplayedWindowEqualsThatOfAWindowInMemory) {
  const auto world = Communicator::world();
  const ToyTraining toy;
  const auto& layer = toy.network.layers[1];
  SnapshotSource replayed, stored;
  if (world.is_root()) {
    replayed = by_replay([&] { return std::make_unique<Trainer>(toy.trainer()); }, 60, {layer.weights, layer.size()});
    auto rows = std::make_shared<RowMatrixF>(replayed.iterations, replayed.size);
    Index filled = 0;
    replayed.for_each_block([&](const SnapshotBlock& block) {
      rows->middleRows(filled, block.rows()) = block;
      filled += block.rows();
    });
    stored = in_memory(rows);
  }
  const auto pca = principal_components(world, stored);
  const auto chosen = first(static_cast<int>(pca.directions.cols()));
  ASSERT_EQ(pca.iterations, 600);  // more than one block
  const auto expected = measure_dynamics(world, stored, pca, chosen, {});
  expect_equal(measure_dynamics(world, replayed, pca, chosen, {}), expected);
  expect_equal(measure_dynamics(world, replayed, pca, chosen, {}, 1), expected);
}

TEST(Dynamics, AnErrorOnOneRankReachesAll) {
  const auto world = Communicator::world();
  const RowMatrixF rows = walk(160, 150, 4);
  const auto pca = principal_components(world, leaders(world, rows));
  const auto fail = [](std::size_t first_of_panel, const auto&) {
    if (first_of_panel > 0) throw SolverError("in the second panel");
  };
  EXPECT_THROW(for_each_projection(world, leaders(world, rows), pca, first(150), 1 << 20, fail), SolverError);
}

}  // namespace
}  // namespace flatsweep::dynamics_test
