#include "flatsweep/linalg/symmetric_eigen.hpp"

#include "../src/linalg/distributed_eigen.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/base/random.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>
#include <tuple>
#include <vector>

namespace flatsweep {
namespace {

using testing::HasSubstr;

// Rounding of a backward stable eigensolver is a small multiple of n eps |A|; 10 leaves room for the constant.
double rounding(Eigen::Index n, double norm) { return 10.0 * static_cast<double>(n) * 2.2e-16 * norm; }

// The second-difference matrix has eigenvalues 2 - 2 cos(k pi/(n+1)), all different.
Eigen::MatrixXd second_difference(int n) {
  Eigen::MatrixXd matrix = 2.0 * Eigen::MatrixXd::Identity(n, n);
  matrix.diagonal(1).setConstant(-1.0);
  matrix.diagonal(-1).setConstant(-1.0);
  return matrix;
}

Eigen::VectorXd second_difference_spectrum(int n) {
  Eigen::VectorXd values(n);
  for (int i = 0; i < n; ++i) values(i) = 2.0 - 2.0 * std::cos((n - i) * std::numbers::pi / (n + 1));
  return values;
}

Eigen::MatrixXd random_symmetric(int n) {
  Random random(n, RandomPurpose::simulation);
  Eigen::MatrixXd matrix(n, n);
  for (auto& entry : matrix.reshaped()) entry = random.normal();
  return matrix + matrix.transpose();
}

// Eigenvalue 5 three times and 1 otherwise: an orthogonal projector of rank 3, scaled and shifted.
Eigen::MatrixXd degenerate(int n) {
  const Eigen::MatrixXd basis = eigen_symmetric(random_symmetric(n)).vectors.leftCols(3);
  return Eigen::MatrixXd::Identity(n, n) + 4.0 * basis * basis.transpose();
}

void expect_eigenpairs_of(const Eigen::MatrixXd& matrix, const EigenPairs& pairs) {
  const Eigen::Index n = matrix.rows();
  const Eigen::Index count = pairs.values.size();
  const double norm = matrix.norm();
  const Eigen::MatrixXd defect = matrix * pairs.vectors - pairs.vectors * pairs.values.asDiagonal();
  EXPECT_LE(defect.colwise().norm().maxCoeff(), rounding(n, norm));
  const Eigen::MatrixXd overlaps = pairs.vectors.transpose() * pairs.vectors;
  EXPECT_LE((overlaps - Eigen::MatrixXd::Identity(count, count)).cwiseAbs().maxCoeff(), rounding(n, 1.0));
  for (Eigen::Index i = 1; i < count; ++i) EXPECT_GE(pairs.values(i - 1), pairs.values(i));
}

SymmetricOperator product_with(const Eigen::MatrixXd& matrix) {
  return [&matrix](std::span<const double> x, std::span<double> y) {
    const auto n = static_cast<Eigen::Index>(x.size());
    Eigen::Map<Eigen::VectorXd>(y.data(), n) = matrix * Eigen::Map<const Eigen::VectorXd>(x.data(), n);
  };
}

// A covariance-like spectrum i^-2.
Eigen::MatrixXd decaying(int n) {
  const Eigen::MatrixXd basis = eigen_symmetric(random_symmetric(n)).vectors;
  const Eigen::ArrayXd index = Eigen::ArrayXd::LinSpaced(n, 1.0, n);
  return basis * index.pow(-2.0).matrix().asDiagonal() * basis.transpose();
}

TEST(EigenSymmetric, FindsTheKnownSpectrumOfTheSecondDifferenceMatrix) {
  const int n = 200;
  const auto pairs = eigen_symmetric(second_difference(n));
  EXPECT_LE((pairs.values - second_difference_spectrum(n)).cwiseAbs().maxCoeff(), rounding(n, 4.0));
  expect_eigenpairs_of(second_difference(n), pairs);
  EXPECT_EQ(pairs.residuals.size(), 0);
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

// Both ways over ranks: the public call, which solves small matrices on the leader, and ScaLAPACK at any size.
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

// One block of 64, whole blocks, and a part of a block left over.
INSTANTIATE_TEST_SUITE_P(Sizes, EigenSymmetricOverRanks,
                         testing::Combine(testing::Values(Solve(eigen_symmetric), Solve(detail::eigen_scalapack)),
                                          testing::Values(40, 128, 333)));

TEST(EigenSymmetricOnManyRanks, AgreesAtASizeThatIsLeftToScalapack) {
  const int n = 1543;
  const auto pairs = eigen_symmetric(Communicator::world(), second_difference(n));
  EXPECT_LE((pairs.values - second_difference_spectrum(n)).cwiseAbs().maxCoeff(), rounding(n, 4.0));
}

TEST(LeadingEigenpairs, AgreeWithTheFullSolve) {
  const Eigen::MatrixXd matrix = decaying(400);
  const auto full = eigen_symmetric(matrix);
  const auto leading = leading_eigenpairs(product_with(matrix), 400, 20);
  // A residual r bounds a symmetric eigenvalue's error; r <= 1e-10 of the largest eigenvalue, 1.
  EXPECT_LE((leading.values - full.values.head(20)).cwiseAbs().maxCoeff(), 1e-10);
  // sin(angle) <= r / gap, and the gap at 20 is 20^-2 - 21^-2 = 2.3e-4: angle < 5e-7, its cosine within 1e-12 of 1.
  for (int i = 0; i < 20; ++i) EXPECT_NEAR(std::abs(leading.vectors.col(i).dot(full.vectors.col(i))), 1.0, 1e-12);
}

TEST(LeadingEigenpairs, ReportTheirResiduals) {
  const Eigen::MatrixXd matrix = decaying(150);
  const auto pairs = leading_eigenpairs(product_with(matrix), 150, 5);
  for (int i = 0; i < 5; ++i) {
    const double residual = (matrix * pairs.vectors.col(i) - pairs.values(i) * pairs.vectors.col(i)).norm();
    EXPECT_NEAR(pairs.residuals(i), residual, 1e-14);  // rounding of one product with |A| = 1
    EXPECT_LE(residual, 1e-10);                        // the default tolerance
  }
}

TEST(LeadingEigenpairs, AreTheSameEachTime) {
  const Eigen::MatrixXd matrix = decaying(100);
  const auto first = leading_eigenpairs(product_with(matrix), 100, 4);
  const auto second = leading_eigenpairs(product_with(matrix), 100, 4);
  EXPECT_EQ(first.values, second.values);
  EXPECT_EQ(first.vectors, second.vectors);
}

TEST(LeadingEigenpairs, IncludeZeroEigenvaluesOfASemiDefiniteOperator) {
  const Eigen::MatrixXd matrix = degenerate(60) - Eigen::MatrixXd::Identity(60, 60);
  const auto pairs = leading_eigenpairs(product_with(matrix), 60, 6);
  EXPECT_LE((pairs.values.head(3).array() - 4.0).abs().maxCoeff(), 4e-10);  // tolerance times the largest eigenvalue
  EXPECT_LE(pairs.values.tail(3).cwiseAbs().maxCoeff(), 4e-10);
}

TEST(LeadingEigenpairs, OfSmallOperatorsMayBeAllButOne) {
  const auto pairs = leading_eigenpairs(product_with(second_difference(3)), 3, 2);
  EXPECT_NEAR(pairs.values(0), 2.0 + std::numbers::sqrt2, 4e-10);  // tolerance times the largest eigenvalue
  EXPECT_NEAR(pairs.values(1), 2.0, 4e-10);
}

TEST(LeadingEigenpairs, FailWhenTheToleranceCannotBeMet) {
  const Eigen::MatrixXd matrix = decaying(100);
  EXPECT_THROW((void)leading_eigenpairs(product_with(matrix), 100, 10, 1e-20), SolverError);
}

TEST(LeadingEigenpairs, PassOnWhatTheOperatorThrows) {
  int calls = 0;
  const auto apply = [&](std::span<const double> x, std::span<double> y) {
    if (++calls == 5) throw IoError("the disk is gone");
    for (std::size_t i = 0; i < x.size(); ++i) y[i] = static_cast<double>(i) * x[i];
  };
  EXPECT_THROW((void)leading_eigenpairs(apply, 50, 3), IoError);
  EXPECT_EQ(calls, 5);
  EXPECT_NO_THROW((void)leading_eigenpairs(apply, 50, 3));  // PETSc is usable afterwards
}

TEST(LeadingEigenpairs, RefuseAsManyAsThereAre) {
  try {
    (void)leading_eigenpairs(product_with(second_difference(3)), 3, 3);
    FAIL() << "no error";
  } catch (const SolverError& error) {
    EXPECT_THAT(error.what(), HasSubstr("between 1 and 2"));
  }
}

}  // namespace
}  // namespace flatsweep
