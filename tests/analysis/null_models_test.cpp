#include "flatsweep/analysis/null_models.hpp"

#include "flatsweep/base/random.hpp"
#include "flatsweep/linalg/second_moment.hpp"
#include "flatsweep/linalg/symmetric_eigen.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <vector>

namespace flatsweep::null_models_test {
namespace {

RowMatrixF random_walk(int steps, int dimensions) {
  Random random(1, RandomPurpose::simulation);
  RowMatrixF walk(steps, dimensions);
  Eigen::VectorXd position = Eigen::VectorXd::Zero(dimensions);
  for (int t = 0; t < steps; ++t) {
    for (auto& x : position) x += random.normal();
    walk.row(t) = position.cast<float>();
  }
  return walk;
}

// Modes that hold 99.9 % of the eigenvalues of J L L^T J, L the lower triangle of ones, J = 1 - 1/T.
int dense_learning_dimension(int steps, int first_mode) {
  Eigen::MatrixXd walk = Eigen::MatrixXd::Zero(steps, steps);
  walk.triangularView<Eigen::Lower>().setOnes();
  walk.rowwise() -= walk.colwise().mean().eval();
  const Eigen::VectorXd values = eigen_symmetric(walk * walk.transpose()).values;
  const auto modes = std::span<const double>(values.data(), values.size()).subspan(first_mode - 1);
  return learning_dimension(modes, std::accumulate(modes.begin(), modes.end(), 0.0));
}

class SimulatedWalk : public testing::Test {
 protected:
  static constexpr int steps = 2000;
  static constexpr int dimensions = 800;

  void SetUp() override {
    const RowMatrixF walk = random_walk(steps, dimensions);
    SecondMoment moment(Eigen::VectorXd::Zero(dimensions));
    moment.add(walk);
    modes = eigen_symmetric(moment.covariance());
    theta = (walk.cast<double>().rowwise() - moment.mean().transpose()) * modes.vectors.leftCols(3);
  }

  EigenPairs modes;
  Eigen::MatrixXd theta;  // (steps, 3)
};

// Mode k's variance is a mean over 800 dimensions of squared normal numbers: relative deviation sqrt(2/800) = 5 %.
// Four deviations of f_k are 20 % of f_k, times 1 - f_k because numerator and denominator move together.
TEST_F(SimulatedWalk, HasTheVarianceFractionsOfTheTheory) {
  const double fractions[] = {0.608, 0.152, 0.068};
  for (int k = 1; k <= 3; ++k) {
    const double expected = fractions[k - 1];
    EXPECT_NEAR(random_walk_fraction(k), expected, 0.0005) << "rounded in the text to three digits";
    EXPECT_NEAR(modes.values(k - 1) / modes.values.sum(), expected, 0.2 * expected * (1.0 - expected));
  }
}

// Modes mix with their neighbours by an angle of about sqrt(1/800) f_k/(f_k - f_{k+1}) < 0.1: content > 0.95.
TEST_F(SimulatedWalk, HasCosinesAsItsFirstModes) {
  for (int k = 1; k <= 3; ++k)
    EXPECT_GT(cosine_content(std::span<const double>(theta.col(k - 1).data(), steps), k), 0.95);
}

TEST(RandomWalkFraction, SumsToOne) {
  double sum = 0.0;
  for (int k = 1; k <= 100000; ++k) sum += random_walk_fraction(k);
  EXPECT_NEAR(sum, 1.0, 6.1e-6);  // the tail beyond K holds 6/(pi^2 K)
}

TEST(RandomWalkLearningDimension, IsThatOfTheDenseSpectrum) {
  for (const int first_mode : {1, 2, 4})
    for (const int steps : {5, 10, 100, 401})
      EXPECT_EQ(random_walk_learning_dimension(steps, 0.999, first_mode), dense_learning_dimension(steps, first_mode));
  EXPECT_EQ(random_walk_learning_dimension(2), 1);
  EXPECT_EQ(random_walk_learning_dimension(2, 0.999, 2), 0);
}

// The continuum spectrum gives 6/(pi^2 0.001) = 607.9; walks of ten epochs are long enough to be within one of it.
TEST(RandomWalkLearningDimension, TendsTo608) {
  EXPECT_NEAR(random_walk_learning_dimension(12000), 608, 1);
  EXPECT_EQ(random_walk_learning_dimension(100'000'000), 608);
}

TEST(RandomWalkLearningDimension, OfOneStepIsNone) { EXPECT_EQ(random_walk_learning_dimension(1), 0); }

TEST(CosineContent, IsOneForTheCosineItselfAndZeroForAnother) {
  const int length = 500;
  std::vector<double> theta(length);
  for (int t = 0; t < length; ++t) theta[t] = -3.0 * std::cos(std::numbers::pi * 2 * (t + 0.5) / length);
  EXPECT_NEAR(cosine_content(theta, 2), 1.0, 1e-13);  // rounding of sums of 500 terms
  EXPECT_NEAR(cosine_content(theta, 1), 0.0, 1e-13);
  EXPECT_NEAR(cosine_content(theta, 3), 0.0, 1e-13);
}

TEST(CosineContent, OfNothingIsZero) { EXPECT_EQ(cosine_content(std::vector<double>(10, 0.0), 1), 0.0); }

TEST(LearningDimension, CountsTheLeadingVariances) {
  const std::vector<double> variances = {6.0, 3.0, 0.9, 0.1};
  EXPECT_EQ(learning_dimension(variances, 10.0, 0.5), 1);
  EXPECT_EQ(learning_dimension(variances, 10.0, 0.6), 1);
  EXPECT_EQ(learning_dimension(variances, 10.0, 0.89), 2);
  EXPECT_EQ(learning_dimension(variances, 10.0), 4);
  EXPECT_EQ(learning_dimension(variances, 10.0, 1.0), 4);
}

TEST(LearningDimension, IsOneMoreThanThereAreWhenTheyDoNotHoldEnough) {
  const std::vector<double> variances = {6.0, 3.0};
  EXPECT_EQ(learning_dimension(variances, 10.0), 3);
  EXPECT_EQ(learning_dimension({}, 10.0), 1);
}

TEST(LearningDimension, OfNoVarianceIsNone) {
  EXPECT_EQ(learning_dimension({}, 0.0), 0);
  EXPECT_EQ(learning_dimension(std::vector<double>{0.0, 0.0}, 0.0), 0);
}

// A sum of 1000 tenths is not 100 exactly; all of the variance must still be found in all of the modes.
TEST(LearningDimension, ForgivesRoundingOfTheTotal) {
  const std::vector<double> variances(1000, 0.1);
  EXPECT_EQ(learning_dimension(variances, 100.0 + 1e-11, 1.0), 1000);
}

}  // namespace
}  // namespace flatsweep::null_models_test
