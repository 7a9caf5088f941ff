#include "flatsweep/linalg/spectral_density.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/index.hpp"
#include "linalg/matrices.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace flatsweep::spectral_density_test {
namespace {

// Signs have the same share in every coordinate: of a diagonal matrix each probe has the exact spectral measure.
TEST(SpectralDensity, HasTheExactMomentsOfADiagonalMatrix) {
  const Eigen::VectorXd values = Eigen::VectorXd::LinSpaced(80, -1.0, 3.0);
  const Eigen::MatrixXd matrix = values.asDiagonal();
  const auto density = spectral_density(product_with(matrix), 80, {.probes = 3, .steps = 6});
  for (int order = 0; order <= 11; ++order)  // 2 steps - 1; rounding of powers up to 3^11
    EXPECT_NEAR(density.moment(order), values.array().pow(order).mean(), 1e-12 * std::pow(3.0, order));
  EXPECT_GT(std::abs(density.moment(12) - values.array().pow(12).mean()), 1e-3);
}

TEST(SpectralDensity, FindsEveryEigenvalueInAsManySteps) {
  const Eigen::VectorXd values = Eigen::VectorXd::LinSpaced(25, -2.0, 2.0);
  const Eigen::MatrixXd matrix = values.asDiagonal();
  const auto density = spectral_density(product_with(matrix), 25, {.probes = 2, .steps = 25});
  for (Index probe = 0; probe < 2; ++probe) {
    EXPECT_LE((density.nodes.row(probe).transpose() - values).cwiseAbs().maxCoeff(), 1e-12);
    EXPECT_LE((density.weights.row(probe).array() - 1.0 / 25.0).abs().maxCoeff(), 1e-12);
  }
}

// A random symmetric matrix: each probe errs by a relative sqrt(2/n) in the trace of the square at most.
TEST(SpectralDensity, EstimatesTheMomentsOfADenseMatrix) {
  const int n = 300;
  const Eigen::MatrixXd matrix = random_symmetric(n) / std::sqrt(n);
  const auto density = spectral_density(product_with(matrix), n, {.probes = 20, .steps = 30});
  const Eigen::ArrayXd values = eigenvalues_symmetric(matrix).array();
  for (const int order : {1, 2, 3, 4}) {
    const double error = std::sqrt(2.0 * values.pow(2 * order).sum() / 20.0) / n;  // variance of a sign probe, at most
    EXPECT_NEAR(density.moment(order), values.pow(order).mean(), 4.0 * error);
  }
  EXPECT_NEAR(density.nodes.maxCoeff(), values.maxCoeff(), 0.02 * values.maxCoeff());  // extremes come up first
  EXPECT_LE(density.nodes.maxCoeff(), values.maxCoeff() * (1.0 + 1e-12));              // and never from outside
}

TEST(SpectralDensity, IntegratesToOneOverItsGrid) {
  const Eigen::MatrixXd matrix = random_symmetric(60);
  const auto density = spectral_density(product_with(matrix), 60, {.probes = 4, .steps = 20, .points = 800});
  const double spacing = density.grid(1) - density.grid(0);
  EXPECT_NEAR(density.density.sum() * spacing, 1.0, 2e-3);  // three widths leave 0.27 % of the outermost nodes out
  EXPECT_GE(density.density.minCoeff(), 0.0);
  EXPECT_NEAR(density.grid(0), density.nodes.minCoeff() - 3.0 * density.width, 1e-9);
  EXPECT_LE((density.weights.rowwise().sum().array() - 1.0).abs().maxCoeff(), 1e-12);
}

TEST(SpectralDensity, StopsWhereTheKrylovSpaceIsInvariant) {
  const Eigen::MatrixXd matrix = degenerate(40);  // eigenvalues 5 and 1: two steps see all
  const auto density = spectral_density(product_with(matrix), 40, {.probes = 1, .steps = 10});
  EXPECT_NEAR(density.nodes(0, 0), 1.0, 1e-12);
  EXPECT_NEAR(density.nodes(0, 1), 5.0, 1e-12);
  EXPECT_EQ(density.weights.row(0).tail(8).cwiseAbs().maxCoeff(), 0.0);
  EXPECT_NEAR(density.weights.row(0).sum(), 1.0, 1e-12);
}

TEST(SpectralDensity, OfTheZeroMatrixIsAPeakAtZero) {
  const Eigen::MatrixXd matrix = Eigen::MatrixXd::Zero(10, 10);
  const auto density = spectral_density(product_with(matrix), 10, {.probes = 2, .steps = 5});
  EXPECT_EQ(density.moment(1), 0.0);
  EXPECT_TRUE(density.density.allFinite());
}

TEST(SpectralDensity, DependsOnTheSeedAlone) {
  const Eigen::MatrixXd matrix = random_symmetric(50);
  const auto density = [&](std::int64_t seed) {
    return spectral_density(product_with(matrix), 50, {.probes = 2, .steps = 8, .seed = seed});
  };
  EXPECT_EQ(density(1).nodes, density(1).nodes);
  EXPECT_NE(density(1).nodes, density(2).nodes);
  EXPECT_NE(density(1).nodes.row(0), density(1).nodes.row(1));
}

TEST(SpectralDensity, RefusesProductsThatAreNotFinite) {
  Eigen::MatrixXd matrix = second_difference(20);
  matrix(3, 3) = std::numeric_limits<double>::infinity();
  EXPECT_THROW((void)spectral_density(product_with(matrix), 20, {}), SolverError);
  EXPECT_THROW((void)spectral_density(product_with(second_difference(3)), 3, {.probes = 0}), SolverError);
}

}  // namespace
}  // namespace flatsweep::spectral_density_test
