#include "flatsweep/analysis/mlf.hpp"

#include "analysis/toy_minibatches.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/base/index.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

namespace flatsweep::mlf_test {
namespace {
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

struct Case {
  ToyMinibatches toy;
  int layer;
  Eigen::MatrixXd directions = toy.directions(layer, 4);
  MlfDirections along{{0, 2, 3, 5}, {1.0, 2.0, nan, 3.0}, {nan, nan, nan, nan}};

  [[nodiscard]] MlfSamples measure(const Communicator& team, const MlfOptions& options = {},
                                   const std::function<void(double)>& checkpoint = {}) const {
    return measure_mlf(team, {toy.network, toy.weights, layer, toy.images.set, ToyMinibatches::batch, toy.order},
                       directions, along, options, checkpoint);
  }
};

bool same(const MlfMatrix& a, const MlfMatrix& b) {
  return a.rows() == b.rows() && a.cols() == b.cols() &&
         ((a.array() == b.array()) || (a.array().isNaN() && b.array().isNaN())).all();
}

TEST(Mlf, IsTheSameForAnyTeam) {
  for (const auto& problem : {Case{ToyMinibatches::dense(), 1}, Case{ToyMinibatches::convolutional(), 0}}) {
    const auto together = problem.measure(Communicator::world()), alone = problem.measure(Communicator::self());
    EXPECT_EQ(together.log_loss, alone.log_loss);
    EXPECT_TRUE(same(together.gradient, alone.gradient));
    EXPECT_TRUE(same(together.m_diagonal, alone.m_diagonal));
    EXPECT_TRUE(same(together.m_off_diagonal, alone.m_off_diagonal));
    EXPECT_TRUE(same(together.theta, alone.theta));
    EXPECT_TRUE(same(together.m_mean, alone.m_mean));
    EXPECT_TRUE(same(together.m_variance, alone.m_variance));
    EXPECT_EQ(together.mean_loss_curvature, alone.mean_loss_curvature);
  }
}

// Second differences of ln L^mu in 80 bits with step 1e-5; single precision errs by 1e-6 of second derivatives of order
// one, the loss being of order one as well.
TEST(Mlf, SamplesAreDerivativesOfTheLogarithmOfEachMinibatchLoss) {
  const Case problem{ToyMinibatches::dense(), 1};
  const auto samples = problem.measure(Communicator::world());
  ASSERT_EQ(samples.minibatches(), 4);
  ASSERT_EQ(samples.pairs.size(), 6U);  // all there are
  constexpr double h = 1e-5;
  for (Index mu = 0; mu < 4; ++mu) {
    const auto log_loss = [&](const Eigen::VectorXd& step) {
      return std::log(problem.toy.loss(problem.toy.minibatch(static_cast<std::size_t>(mu)), problem.layer, step));
    };
    const auto p = [&](int row) { return problem.directions.col(row); };
    EXPECT_NEAR(samples.log_loss[mu], static_cast<double>(log_loss(0.0 * p(0))), 1e-6);
    for (int i = 0; i < 4; ++i) {
      const auto up = log_loss(h * p(i)), down = log_loss(-h * p(i));
      const auto second = static_cast<double>((up - 2.0L * log_loss(0.0 * p(0)) + down) / (h * h));
      EXPECT_NEAR(samples.gradient(i, mu), static_cast<double>((up - down) / (2.0L * h)), 1e-5);
      EXPECT_NEAR(samples.m_diagonal(i, mu), second, 1e-5);
      if (second > 0.01) {
        EXPECT_NEAR(samples.theta_newton(i, mu) * second, -samples.gradient(i, mu), 1e-3);
      }
    }
    for (std::size_t k = 0; k < samples.pairs.size(); ++k) {
      const auto [i, j] = samples.pairs[k];
      const Eigen::VectorXd sum = h * (p(i) + p(j)), difference = h * (p(i) - p(j));
      const auto mixed = log_loss(sum) - log_loss(difference) - log_loss(-difference) + log_loss(-sum);
      EXPECT_NEAR(samples.m_off_diagonal(static_cast<Index>(k), mu), static_cast<double>(mixed / (4.0L * h * h)), 1e-5);
    }
  }
}

// The minibatches of the order are all 40 images, so their mean loss is that of the set.
TEST(Mlf, WeightedCurvatureIsThatOfTheWholeSet) {
  for (const auto& problem : {Case{ToyMinibatches::dense(), 1}, Case{ToyMinibatches::convolutional(), 1}}) {
    const auto samples = problem.measure(Communicator::world());
    constexpr double h = 1e-5;
    for (std::size_t i = 0; i < 4; ++i) {
      const auto log_loss = [&](double theta) {
        return std::log(
            problem.toy.loss(problem.toy.order, problem.layer, theta * problem.directions.col(static_cast<Index>(i))));
      };
      const auto second = (log_loss(h) - 2.0L * log_loss(0.0) + log_loss(-h)) / (h * h);
      EXPECT_NEAR(samples.mean_loss_curvature[i], static_cast<double>(second), 1e-5);  // as above
    }
  }
}

TEST(Mlf, MomentsOfAllPairsAreThoseOfTheSamples) {
  const Case problem{ToyMinibatches::dense(), 2};
  const auto samples = problem.measure(Communicator::world());
  for (std::size_t k = 0; k < samples.pairs.size(); ++k) {
    const auto [i, j] = samples.pairs[k];
    const auto values = samples.m_off_diagonal.row(static_cast<Index>(k)).array();
    const double variance = (values - values.mean()).square().mean();
    EXPECT_NEAR(samples.m_mean(i, j), values.mean(), 1e-12);  // another order of the same sums
    EXPECT_NEAR(samples.m_variance(j, i), variance, 1e-12);
  }
  for (Index i = 0; i < 4; ++i) {
    const auto values = samples.m_diagonal.row(i).array();
    EXPECT_NEAR(samples.m_mean(i, i), values.mean(), 1e-12);
    EXPECT_NEAR(samples.m_variance(i, i), (values - values.mean()).square().mean(), 1e-12);
  }
}

// F_i = 1, 2 and 3 are given; the direction without one takes sqrt(8/k) of the mean loss.
TEST(Mlf, LooksForMinimaWithinTheReachOnly) {
  const Case problem{ToyMinibatches::dense(), 1};
  MlfOptions options;
  options.reach = 0.7;
  const auto samples = problem.measure(Communicator::world(), options);
  for (Index i = 0; i < 4; ++i) {
    auto width = problem.along.flatness[i];
    if (std::isnan(width)) width = std::sqrt(8.0 / samples.mean_loss_curvature[i]);
    for (Index mu = 0; mu < 4; ++mu) {
      EXPECT_FALSE(std::abs(samples.theta(i, mu)) > 0.7 * width);
    }
  }
  EXPECT_GT(samples.theta.array().isFinite().count(), 0);
  EXPECT_GT(samples.theta.array().isNaN().count(), 0);
}

TEST(Mlf, FollowsItsOptions) {
  const Case problem{ToyMinibatches::dense(), 1};
  MlfOptions options;
  options.minibatches = 3;
  options.pairs = 4;
  options.minima = MinimumPositions::left_out;
  const auto samples = problem.measure(Communicator::world(), options);
  EXPECT_EQ(samples.minibatches(), 3);
  EXPECT_TRUE(samples.theta.array().isNaN().all());
  EXPECT_EQ(samples.pairs.size(), 4U);
  EXPECT_EQ(std::set(samples.pairs.begin(), samples.pairs.end()).size(), 4U);
  for (const auto& [i, j] : samples.pairs) EXPECT_LT(i, j);
}

TEST(Mlf, StopsOnAllRanksTogether) {
  const auto world = Communicator::world();
  const Case problem{ToyMinibatches::dense(), 1};
  const auto stop = [&](double) {
    if (world.rank() == world.size() - 1) throw Stopped("asked to");
  };
  EXPECT_THROW((void)problem.measure(world, {}, stop), Stopped);
}

TEST(Mlf, RefusesAnOrderWithoutAMinibatch) {
  Case problem{ToyMinibatches::dense(), 1};
  problem.toy.order.resize(9);
  EXPECT_THROW((void)problem.measure(Communicator::self()), ConfigError);
}

TEST(MlfDirections, TakeFlatnessWhereItWasMeasured) {
  DirectionFlatness known;
  known.direction = 7;
  known.left = -1.0;
  known.right = 2.0;
  known.curvature = 0.5;
  const auto along = mlf_directions({0, 7}, {&known, 1});
  EXPECT_EQ(along.direction, (std::vector<int>{0, 7}));
  EXPECT_TRUE(std::isnan(along.flatness[0]) && std::isnan(along.curvature[0]));
  EXPECT_EQ(along.flatness[1], 3.0);
  EXPECT_EQ(along.curvature[1], 0.5);
}

}  // namespace
}  // namespace flatsweep::mlf_test
