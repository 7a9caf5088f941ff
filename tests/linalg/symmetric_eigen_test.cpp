#include "flatsweep/linalg/symmetric_eigen.hpp"

#include "../src/linalg/distributed_eigen.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/base/index.hpp"
#include "linalg/matrices.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>
#include <vector>

namespace flatsweep::symmetric_eigen_test {
namespace {

void expect_eigenpairs_of(const Eigen::MatrixXd& matrix, const EigenPairs& pairs) {
  const Index n = matrix.rows();
  const Index count = pairs.values.size();
  const double norm = matrix.norm();
  const Eigen::MatrixXd defect = matrix * pairs.vectors - pairs.vectors * pairs.values.asDiagonal();
  EXPECT_LE(defect.colwise().norm().maxCoeff(), rounding(n, norm));
  const Eigen::MatrixXd overlaps = pairs.vectors.transpose() * pairs.vectors;
  EXPECT_LE((overlaps - Eigen::MatrixXd::Identity(count, count)).cwiseAbs().maxCoeff(), rounding(n, 1.0));
  for (Index i = 1; i < count; ++i) EXPECT_GE(pairs.values(i - 1), pairs.values(i));
}

TEST(EigenSymmetric, FindsTheKnownSpectrumOfTheSecondDifferenceMatrix) {
  const int n = 200;
  const auto pairs = eigen_symmetric(second_difference(n));
  EXPECT_LE((pairs.values - second_difference_spectrum(n)).cwiseAbs().maxCoeff(), rounding(n, 4.0));
  expect_eigenpairs_of(second_difference(n), pairs);
  EXPECT_EQ(pairs.residuals.size(), 0);
}

TEST(EigenvaluesSymmetric, AreThoseOfTheKnownSpectra) {
  const int n = 200;
  const auto values = eigenvalues_symmetric(second_difference(n));
  EXPECT_LE((values - second_difference_spectrum(n)).cwiseAbs().maxCoeff(), rounding(n, 4.0));
  EXPECT_EQ(eigenvalues_symmetric(Eigen::MatrixXd(0, 0)).size(), 0);
  EXPECT_EQ(eigenvalues_symmetric(Eigen::MatrixXd::Constant(1, 1, -3.0))(0), -3.0);
}

TEST(LeadingSymmetric, AreTheLargestOfTheKnownSpectrum) {
  const int n = 200;
  for (const int count : {1, 20, 150, 300}) {  // below and above the third from which all are computed
    const auto pairs = leading_symmetric(second_difference(n), count);
    ASSERT_EQ(pairs.values.size(), std::min(count, n));
    EXPECT_LE((pairs.values - second_difference_spectrum(n).head(pairs.values.size())).cwiseAbs().maxCoeff(),
              rounding(n, 4.0));
    expect_eigenpairs_of(second_difference(n), pairs);
  }
}

TEST(EigenSymmetric, ReadsTheLowerTriangleOnly) {
  Eigen::MatrixXd matrix = second_difference(40);
  matrix.triangularView<Eigen::StrictlyUpper>().setConstant(7.0);
  const auto pairs = eigen_symmetric(matrix);
  EXPECT_LE((pairs.values - second_difference_spectrum(40)).cwiseAbs().maxCoeff(), rounding(40, 4.0));
}

TEST(EigenSymmetric, GivesAnOrthonormalBasisOfADegenerateEigenspace) {
  const auto pairs = eigen_symmetric(degenerate(90));
  expect_eigenpairs_of(degenerate(90), pairs);
  EXPECT_NEAR(pairs.values(2), 5.0, rounding(90, 5.0));
  EXPECT_NEAR(pairs.values(3), 1.0, rounding(90, 5.0));
}

TEST(EigenSymmetric, TakesMatricesOfNoRowAndOneRow) {
  EXPECT_EQ(eigen_symmetric(Eigen::MatrixXd(0, 0)).values.size(), 0);
  const auto pairs = eigen_symmetric(Eigen::MatrixXd::Constant(1, 1, -3.0));
  EXPECT_EQ(pairs.values(0), -3.0);
  EXPECT_EQ(std::abs(pairs.vectors(0, 0)), 1.0);
}

TEST(EigenSymmetric, RefusesWhatIsNotASymmetricFiniteMatrix) {
  EXPECT_THROW((void)eigen_symmetric(Eigen::MatrixXd::Zero(3, 4)), SolverError);
  Eigen::MatrixXd matrix = second_difference(50);
  matrix(20, 10) = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW((void)eigen_symmetric(matrix), SolverError);
}

// Both ways over ranks: the public call, which solves small matrices on the root rank, and ScaLAPACK at any size.
using Solve = EigenPairs (*)(const Communicator&, Eigen::MatrixXd);

class EigenSymmetricOverRanks : public testing::TestWithParam<std::tuple<Solve, int>> {
 protected:
  const Communicator world = Communicator::world();
  const Solve solve = std::get<0>(GetParam());
  const int n = std::get<1>(GetParam());
};

TEST_P(EigenSymmetricOverRanks, AgreesWithTheSerialSolve) {
  const Eigen::MatrixXd matrix = random_symmetric(n);
  const auto serial = eigen_symmetric(matrix);
  const auto pairs = solve(world, matrix);
  EXPECT_LE((pairs.values - serial.values).cwiseAbs().maxCoeff(), rounding(n, matrix.norm()));
  expect_eigenpairs_of(matrix, pairs);
}

TEST_P(EigenSymmetricOverRanks, GivesBitwiseTheSameOnEveryRank) {
  const auto pairs = solve(world, second_difference(n));
  std::vector<double> leader(pairs.vectors.data(), pairs.vectors.data() + pairs.vectors.size());
  leader.insert(leader.end(), pairs.values.begin(), pairs.values.end());
  const std::vector<double> mine = leader;
  world.broadcast(leader);
  EXPECT_EQ(mine, leader);
}

// The gap is 4 and |A| = 5: the overlaps of both leading subspaces are orthogonal up to rounding.
TEST_P(EigenSymmetricOverRanks, SpansTheSameLeadingSubspace) {
  const auto serial = eigen_symmetric(degenerate(n));
  const auto pairs = solve(world, degenerate(n));
  const Eigen::MatrixXd overlaps = serial.vectors.leftCols(3).transpose() * pairs.vectors.leftCols(3);
  EXPECT_LE((overlaps * overlaps.transpose() - Eigen::Matrix3d::Identity()).cwiseAbs().maxCoeff(), rounding(n, 1.0));
}

TEST_P(EigenSymmetricOverRanks, ReportsANotFiniteMatrixOnEveryRank) {
  Eigen::MatrixXd matrix = second_difference(n);
  matrix(20, 10) = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW((void)solve(world, matrix), SolverError);
}

TEST_P(EigenSymmetricOverRanks, ValuesAloneAreTheSame) {
  const Eigen::MatrixXd matrix = random_symmetric(n);
  const auto serial = eigen_symmetric(matrix).values;
  for (const auto& values : {eigenvalues_symmetric(world, matrix), detail::eigenvalues_scalapack(world, matrix)}) {
    EXPECT_LE((values - serial).cwiseAbs().maxCoeff(), rounding(n, matrix.norm()));
    Eigen::VectorXd leader = values;
    world.broadcast(std::span<double>(leader.data(), static_cast<std::size_t>(n)));
    EXPECT_EQ(values, leader);
  }
}

// One block of 64, whole blocks, and a part of a block left over.
INSTANTIATE_TEST_SUITE_P(Sizes, EigenSymmetricOverRanks,
                         testing::Combine(testing::Values(Solve(eigen_symmetric), Solve(detail::eigen_scalapack)),
                                          testing::Values(40, 128, 333)));

TEST(EigenSymmetricOnManyRanks, AgreesAtASizeThatIsLeftToScalapack) {
  const int n = 1543;
  const auto pairs = eigen_symmetric(Communicator::world(), second_difference(n));
  EXPECT_LE((pairs.values - second_difference_spectrum(n)).cwiseAbs().maxCoeff(), rounding(n, 4.0));
  const auto values = eigenvalues_symmetric(Communicator::world(), second_difference(n));
  EXPECT_LE((values - second_difference_spectrum(n)).cwiseAbs().maxCoeff(), rounding(n, 4.0));
}

}  // namespace
}  // namespace flatsweep::symmetric_eigen_test
