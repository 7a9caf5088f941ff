#include "flatsweep/analysis/resolution.hpp"

#include "flatsweep/base/random.hpp"

#include <Eigen/Eigenvalues>
#include <gtest/gtest.h>

#include <limits>

namespace flatsweep {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

/// The largest variance along any direction of what rounding to single precision does to weights that move.
double largest_of_rounding(const VectorXd& weights, Index snapshots) {
  Random random(3, RandomPurpose::simulation);
  MatrixXd errors(snapshots, weights.size());
  for (Index t = 0; t < snapshots; ++t)
    for (Index j = 0; j < weights.size(); ++j) {
      const double moved = weights(j) * (1.0 + 1e-3 * random.uniform(0.0, 1.0));
      errors(t, j) = static_cast<double>(static_cast<float>(moved)) - moved;
    }
  errors.rowwise() -= errors.colwise().mean().eval();
  const MatrixXd covariance = errors.transpose() * errors / static_cast<double>(snapshots);
  return Eigen::SelfAdjointEigenSolver<MatrixXd>(covariance).eigenvalues().maxCoeff();
}

// The largest of 30 sample eigenvalues is at Marchenko and Pastur's edge but for about 30^(-2/3) of its width.
TEST(RoundingVariance, IsWhatSinglePrecisionDoesToSnapshots) {
  for (const Index snapshots : {60, 20000})
    for (const double weight : {0.2501, 0.498, 0.76}) {
      const VectorXd weights = VectorXd::Constant(30, weight);
      EXPECT_NEAR(largest_of_rounding(weights, snapshots) / rounding_variance(weights, snapshots, 0.0), 0.9, 0.2)
          << weight << ", " << snapshots;
    }
}

TEST(RoundingVariance, IsThatOfTheCoarsestWeightOrOfTheEigensolve) {
  const VectorXd mean{{0.5, -3.9, 0.0}};
  EXPECT_DOUBLE_EQ(rounding_variance(mean, 3, 0.0), 4.0 * 0x1.0p-44 / 12.0);
  EXPECT_DOUBLE_EQ(rounding_of_weights(mean)(0), 0x1.0p-48 / 12.0);
  EXPECT_DOUBLE_EQ(rounding_variance(mean, 3, 10.0), 1e-12);
}

TEST(CountMoving, CountsWhatIsAboveRounding) {
  const VectorXd variance{{1.0, 1e-3, 1e-9, 0.0, std::numeric_limits<double>::quiet_NaN()}};
  EXPECT_EQ(count_moving(variance, 1e-9), 2);
  EXPECT_EQ(count_moving(variance, 1e-10), 3);
}

}  // namespace
}  // namespace flatsweep
