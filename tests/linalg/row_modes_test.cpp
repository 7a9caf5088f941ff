#include "flatsweep/linalg/row_modes.hpp"

#include "dense_modes.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/base/random.hpp"

#include <gtest/gtest.h>

namespace flatsweep::row_modes_test {
namespace {

RowMatrixF random_rows(Index rows, Index columns) {
  Random random(1, RandomPurpose::simulation);
  RowMatrixF matrix(rows, columns);
  for (auto& x : matrix.reshaped<Eigen::RowMajor>()) x = static_cast<float>(random.normal());
  return matrix;
}

// Both routes square the condition number, of about 10 here, and work in double precision.
void expect_modes(const RowMatrixF& rows, int count) {
  const auto modes = leading_row_modes(rows, count);
  const auto expected = dense_singular_modes(rows.cast<double>());
  ASSERT_EQ(modes.values.size(), count);
  for (Index i = 0; i < count; ++i) {
    EXPECT_NEAR(modes.values(i), std::pow(expected.values(i), 2), 1e-12 * modes.values(0));
    EXPECT_NEAR(std::abs(modes.vectors.col(i).dot(expected.vectors.col(i))), 1.0, 1e-9);
  }
  EXPECT_LT((modes.vectors.transpose() * modes.vectors - Eigen::MatrixXd::Identity(count, count)).norm(), 1e-11);
}

TEST(RowModes, AreTheRightSingularVectorsOfWideAndTallMatrices) {
  expect_modes(random_rows(12, 700), 5);  // columns in two blocks
  expect_modes(random_rows(40, 15), 5);
  expect_modes(random_rows(9, 9), 9);
}

// The Gram matrix's rounding is 1e-5 of the smallest eigenvalues kept.
TEST(RowModes, AreOrthonormalDownToTheSmallest) {
  RowMatrixF rows = random_rows(60, 200);
  for (Index i = 0; i < 60; ++i) rows.row(i) *= static_cast<float>(std::pow(10.0, -0.1 * i));
  const auto modes = leading_row_modes(rows, 60);
  const auto count = modes.vectors.cols();
  EXPECT_GT(count, 50);
  EXPECT_LT((modes.vectors.transpose() * modes.vectors - Eigen::MatrixXd::Identity(count, count)).cwiseAbs().maxCoeff(),
            2e-11);
}

TEST(RowModes, StopAtTheRank) {
  RowMatrixF rows = random_rows(6, 30);
  rows.row(4) = rows.row(0) + rows.row(1);
  rows.row(5).setZero();
  EXPECT_EQ(leading_row_modes(rows, 30).values.size(), 4);
  EXPECT_EQ(leading_row_modes(rows.transpose(), 30).values.size(), 4);
}

// In single precision the Gram matrix errs by a few 1e-7 of its largest eigenvalue.
TEST(RowModes, InSinglePrecisionAreWithinItsRounding) {
  RowMatrixF rows = random_rows(60, 700);
  for (Index i = 0; i < 60; ++i) rows.row(i) *= static_cast<float>(std::pow(10.0, -0.05 * i));
  const auto modes = leading_row_modes(rows, 15, RowSums::in_single);
  const auto expected = dense_singular_modes(rows.cast<double>());
  ASSERT_EQ(modes.values.size(), 15);
  for (Index i = 0; i < 15; ++i) EXPECT_NEAR(modes.values(i), std::pow(expected.values(i), 2), 1e-6 * modes.values(0));
  const Eigen::MatrixXd truth = expected.vectors.leftCols(15) * expected.values.head(15).cwiseAbs2().asDiagonal() *
                                expected.vectors.leftCols(15).transpose();
  const Eigen::MatrixXd found = modes.vectors * modes.values.asDiagonal() * modes.vectors.transpose();
  EXPECT_LT((found - truth).norm(), 1e-5 * modes.values(0));
  EXPECT_LT((modes.vectors.transpose() * modes.vectors - Eigen::MatrixXd::Identity(15, 15)).norm(), 1e-11);
}

// Eigenvalues 1 and 10^(0.1 - i/5): that of i = 30 is 1.3e-6 of the largest, the next 0.8e-6.
TEST(RowModes, InSinglePrecisionStopWhereRoundingBegins) {
  RowMatrixF rows = RowMatrixF::Zero(60, 200);
  for (Index i = 0; i < 60; ++i) rows(i, i) = static_cast<float>(std::pow(10.0, -0.1 * i + (i > 0 ? 0.05 : 0.0)));
  EXPECT_EQ(leading_row_modes(rows, 60, RowSums::in_single).values.size(), 31);
  EXPECT_EQ(leading_row_modes(rows, 60).values.size(), 60);
}

}  // namespace
}  // namespace flatsweep::row_modes_test
