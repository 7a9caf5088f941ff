#include "flatsweep/analysis/pca.hpp"

#include "dense_modes.hpp"
#include "flatsweep/analysis/null_models.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/base/random.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>

namespace flatsweep::pca_test {
namespace {

RowMatrixF gaussian_rows(Index iterations, Index size, std::int64_t seed) {
  Random random(seed, RandomPurpose::simulation);
  RowMatrixF rows(iterations, size);
  for (Index t = 0; t < iterations; ++t)
    for (Index i = 0; i < size; ++i) rows(t, i) = static_cast<float>(random.normal());
  return rows;
}

RowMatrixF random_walk(Index steps, Index size, std::int64_t seed) {
  RowMatrixF rows = gaussian_rows(steps, size, seed);
  for (Index t = 1; t < steps; ++t) rows.row(t) += rows.row(t - 1);
  return rows;
}

/// Rows whose centred covariance has the spectrum 1, 1/2, 1/3, ... exactly but for rounding: cosines of different
/// frequency are orthogonal over the window and have mean 0, and coordinates are mixed by a reflection.
RowMatrixF known_spectrum(Index iterations, Index size, Eigen::VectorXd& variances) {
  Eigen::MatrixXd rows(iterations, size);
  variances.resize(size);
  for (Index i = 0; i < size; ++i) {
    variances(i) = 1.0 / static_cast<double>(i + 1);
    for (Index t = 0; t < iterations; ++t)
      rows(t, i) =
          std::sqrt(2.0 * variances(i)) * std::cos(M_PI * static_cast<double>(i + 1) * (static_cast<double>(t) + 0.5) /
                                                   static_cast<double>(iterations));
  }
  const Eigen::VectorXd axis = Eigen::VectorXd::Ones(size) / std::sqrt(static_cast<double>(size));
  const Eigen::MatrixXd reflection = Eigen::MatrixXd::Identity(size, size) - 2.0 * axis * axis.transpose();
  return (rows * reflection).array().cast<float>() + 3.0F;  // an offset that centring must remove
}

Pca analyse(const RowMatrixF& rows, const PcaOptions& options = {}) {
  const auto world = Communicator::world();
  SnapshotSource source;  // other ranks than 0 have nothing
  if (world.is_root()) source = in_memory(std::make_shared<const RowMatrixF>(rows));
  return principal_components(world, source, options);
}

TEST(Pca, FindsAKnownSpectrumByTheCovarianceRoute) {
  Eigen::VectorXd expected;
  const auto pca = analyse(known_spectrum(2000, 40, expected));
  ASSERT_EQ(pca.variance.size(), 40);
  // Single-precision snapshots around 3 carry errors of 2e-7 each.
  EXPECT_LT((pca.variance - expected).cwiseAbs().maxCoeff(), 1e-6);
  EXPECT_NEAR(pca.total_variance, expected.sum(), 1e-5);
}

TEST(Pca, FindsAKnownSpectrumByTheGramRoute) {
  Eigen::VectorXd expected;
  const auto pca = analyse(known_spectrum(60, 100, expected).leftCols(100).eval());
  ASSERT_EQ(pca.variance.size(), 100);
  // The first 59 cosines are independent over 60 points; frequencies from 60 on fold back onto them, so compare the
  // trace and the dense covariance's spectrum instead of the list.
  const auto rows = known_spectrum(60, 100, expected);
  const Eigen::MatrixXd centred = rows.cast<double>().rowwise() - rows.cast<double>().colwise().mean();
  const Eigen::VectorXd dense = dense_modes(centred.transpose() * centred / 60.0).values;
  EXPECT_LT((pca.variance - dense).cwiseAbs().maxCoeff(), 1e-10 * dense(0));
  EXPECT_LE(pca.directions.cols(), 59);
}

TEST(Pca, DirectionsAreOrthonormalAndCarryTheirVariance) {
  for (const Index iterations : {400, 50}) {  // both routes
    const auto rows = gaussian_rows(iterations, 80, 5);
    const auto pca = analyse(rows);
    const Index count = pca.directions.cols();
    const Eigen::MatrixXd identity = pca.directions.transpose() * pca.directions;
    EXPECT_LT((identity - Eigen::MatrixXd::Identity(count, count)).cwiseAbs().maxCoeff(), 1e-10);
    const Eigen::MatrixXd theta = (rows.cast<double>().rowwise() - pca.mean.transpose()) * pca.directions;
    const Eigen::VectorXd spread = theta.array().square().colwise().mean();
    EXPECT_LT((spread - pca.variance.head(count)).cwiseAbs().maxCoeff(), 1e-10);
  }
}

/// Standard deviations that fall from 1 to 1e-12 over `size` mixed coordinates.
RowMatrixF steep_rows(Index iterations, Index size) {
  Random random(8, RandomPurpose::simulation);
  Eigen::MatrixXd rows(iterations, size);
  for (Index i = 0; i < size; ++i)
    for (Index t = 0; t < iterations; ++t)
      rows(t, i) = std::pow(10.0, -12.0 * i / static_cast<double>(size)) * random.normal();
  const Eigen::VectorXd axis = Eigen::VectorXd::Ones(size) / std::sqrt(static_cast<double>(size));
  return (rows - 2.0 * rows * axis * axis.transpose()).cast<float>();
}

// The Gram matrix's rounding, 1e-16 of its largest eigenvalue, is 1e-3 of its smallest ones.
TEST(Pca, DirectionsAreOrthonormalDownToTheTail) {
  for (const Index iterations : {150, 299, 300}) {
    const auto pca = analyse(steep_rows(iterations, 300));
    const Index count = pca.directions.cols();
    EXPECT_GT(count, 100);
    EXPECT_LT(pca.variance(count - 1), 1e-10 * pca.variance(0));
    const Eigen::MatrixXd overlaps = pca.directions.transpose() * pca.directions;
    EXPECT_LT((overlaps - Eigen::MatrixXd::Identity(count, count)).cwiseAbs().maxCoeff(), 2e-11) << iterations;
  }
}

TEST(Pca, BothRoutesGiveTheSameModesOfTheSameRows) {
  // T = N = 60 takes the covariance route; one more, constant coordinate makes N > T and takes the Gram route.
  const auto rows = gaussian_rows(60, 60, 9);
  RowMatrixF wider = RowMatrixF::Zero(60, 61);
  wider.leftCols(60) = rows;
  const auto covariance = analyse(rows);
  const auto gram = analyse(wider);
  EXPECT_LT((covariance.variance.head(59) - gram.variance.head(59)).cwiseAbs().maxCoeff(), 1e-12);
  for (Index i = 0; i < 10; ++i)
    EXPECT_NEAR(std::abs(covariance.directions.col(i).dot(gram.directions.col(i).head(60))), 1.0, 1e-8);
}

TEST(Pca, ARandomWalkHasItsVarianceFractionsAndCosines) {
  const auto pca = analyse(random_walk(1500, 600, 3));
  // 6/(pi^2 k^2); the fractions of a walk in 600 dimensions fluctuate by about sqrt(2/600) = 6 % of themselves.
  for (int k = 1; k <= 3; ++k) {
    EXPECT_NEAR(pca.variance(k - 1) / pca.total_variance, 6.0 / (M_PI * M_PI * k * k),
                0.15 * 6.0 / (M_PI * M_PI * k * k));
    EXPECT_GT(pca.cosine_content(k - 1), 0.95);
  }
  EXPECT_EQ(pca.learning_dimension_null, random_walk_learning_dimension(1500));
}

TEST(Pca, ProjectionsAreThetaOfTheLeadingModes) {
  const auto rows = gaussian_rows(300, 20, 11);
  const auto pca = analyse(rows);
  if (!Communicator::world().is_root()) return;  // the projection is rank 0's
  const Eigen::MatrixXd theta = (rows.cast<double>().rowwise() - pca.mean.transpose()) * pca.directions.leftCols(10);
  EXPECT_LT((pca.projection.cast<double>() - theta.transpose()).cwiseAbs().maxCoeff(), 1e-5);
}

// Weights of 0.3 do not feel steps of 2e-12, those of 1e-4 leap by one spacing, 7e-12, now and then.
TEST(Pca, SaysWhereTheWindowIsRounding) {
  Random random(4, RandomPurpose::simulation);
  RowMatrixF rows = RowMatrixF::Constant(40, 30, 0.3F);
  for (float& w : rows.leftCols(10).reshaped()) w = 1e-4F + 2e-12F * static_cast<float>(random.normal());
  const auto still = analyse(rows);
  EXPECT_EQ(still.moving, 0);
  EXPECT_TRUE(std::isnan(still.solution_alignment));
  EXPECT_TRUE(still.cosine_content.array().isNaN().all());
  EXPECT_EQ(still.learning_dimension, 0);
  for (Index t = 0; t < 40; ++t) rows.row(t).array() += 1e-5F * static_cast<float>(t);
  const auto drifting = analyse(rows);  // one direction stands out
  EXPECT_EQ(drifting.moving, 1);
  EXPECT_NEAR(drifting.cosine_content(0), 0.99, 0.01);  // 96/pi^4 = 0.986 of a straight line
  EXPECT_TRUE(drifting.cosine_content.tail(9).array().isNaN().all());
  EXPECT_EQ(drifting.learning_dimension, 1);
  EXPECT_EQ(drifting.learning_dimension_without_first, 0);
  EXPECT_NEAR(drifting.solution_alignment, std::sqrt(2.0 / 3.0), 1e-3);  // 20 of 30 weights are large
}

TEST(Pca, DirectionsPointAlongTheNetDisplacement) {
  const auto rows = random_walk(200, 15, 2);
  const auto pca = analyse(rows);
  const Eigen::VectorXd displacement = (rows.row(199) - rows.row(0)).cast<double>();
  EXPECT_GE((pca.directions.transpose() * displacement).minCoeff(), 0.0);
  EXPECT_NEAR(pca.solution_alignment,
              std::abs(pca.directions.col(0).dot(rows.row(199).cast<double>())) / rows.row(199).cast<double>().norm(),
              1e-12);
}

/// A walk whose coordinates have steps of falling size, so that few modes hold most of the variance.
RowMatrixF confined_walk(Index steps, Index size) {
  RowMatrixF rows = random_walk(steps, size, 6);
  for (Index i = 0; i < size; ++i) rows.col(i) *= static_cast<float>(std::pow(static_cast<double>(i + 1), -1.5));
  return rows;
}

// The covariance is applied snapshot by snapshot, whichever of N and T is larger.
void expect_leading_modes_of_all(const RowMatrixF& rows) {
  const auto all = analyse(rows);
  const auto leading = analyse(rows, {.spectrum = Spectrum::leading, .direct_modes = 100});
  const Index count = leading.directions.cols();
  EXPECT_GE(count, all.learning_dimension_without_first + 1);
  EXPECT_LT(count, 400);
  // The solver's residuals are 1e-10 of the largest eigenvalue.
  EXPECT_LE((leading.variance.head(count) - all.variance.head(count)).cwiseAbs().maxCoeff(), 1e-10 * all.variance(0));
  EXPECT_TRUE(leading.variance.tail(rows.cols() - count).array().isNaN().all());
  EXPECT_NEAR(leading.total_variance, all.total_variance, 1e-12 * all.total_variance);
  EXPECT_EQ(leading.learning_dimension, all.learning_dimension);
  EXPECT_EQ(leading.learning_dimension_without_first, all.learning_dimension_without_first);
  for (Index i = 0; i < 5; ++i) EXPECT_NEAR(leading.directions.col(i).dot(all.directions.col(i)), 1.0, 1e-9);
}

TEST(Pca, LeadingModesAreThoseOfTheFullSolve) {
  for (const Index size : {500, 900}) {
    SCOPED_TRACE(size);
    expect_leading_modes_of_all(confined_walk(700, size));
  }
}

TEST(Pca, OfFewModesAllAreComputedEvenWhereTheLeadingOnesWouldDo) {
  const auto rows = random_walk(100, 150, 4);
  const auto all = analyse(rows), leading = analyse(rows, {.spectrum = Spectrum::leading});
  EXPECT_EQ(leading.variance, all.variance);
}

TEST(Pca, KeepsAsManyDirectionsAsAskedFor) {
  const auto pca = analyse(gaussian_rows(100, 30, 1), {.directions = 7});
  EXPECT_EQ(pca.directions.cols(), 7);
  EXPECT_EQ(pca.variance.size(), 30);
}

TEST(Pca, WeightsThatNeverMoveAreAnError) {
  EXPECT_THROW((void)analyse(RowMatrixF::Constant(50, 20, 0.5F)), SolverError);
  EXPECT_THROW((void)analyse(RowMatrixF::Constant(20, 50, 0.5F)), SolverError);
}

TEST(Pca, ResultIsTheSameOnEveryRankOfTheTeam) {
  const auto world = Communicator::world();
  const auto pca = analyse(gaussian_rows(500, 40, 21));
  Eigen::MatrixXd leaders = pca.directions;
  world.broadcast(std::span(leaders.data(), static_cast<std::size_t>(leaders.size())));
  EXPECT_EQ(leaders, pca.directions);
}

}  // namespace
}  // namespace flatsweep::pca_test
