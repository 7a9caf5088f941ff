#include "flatsweep/linalg/orthonormal_basis.hpp"

#include "flatsweep/base/index.hpp"
#include "linalg/matrices.hpp"

#include <gtest/gtest.h>

namespace flatsweep::orthonormal_basis_test {
namespace {

TEST(OrthonormalBasis, SpansTheColumnsWithAPositiveTriangle) {
  const Eigen::MatrixXd columns = random_symmetric(30).leftCols(7);
  const Eigen::MatrixXd basis = orthonormal_basis(columns);
  ASSERT_EQ(basis.cols(), 7);
  EXPECT_LE((basis.transpose() * basis - Eigen::MatrixXd::Identity(7, 7)).cwiseAbs().maxCoeff(), 1e-14);
  const Eigen::MatrixXd triangle = basis.transpose() * columns;
  EXPECT_LE((basis * triangle - columns).cwiseAbs().maxCoeff(), 1e-13);
  for (Index i = 0; i < 7; ++i) {
    EXPECT_GT(triangle(i, i), 0.0);
    for (Index j = 0; j < i; ++j) EXPECT_NEAR(triangle(i, j), 0.0, 1e-13);
  }
}

/// 12 orthonormal columns of 40, the last `mixed` of them mixed with all before.
Eigen::MatrixXd nearly_orthonormal(int mixed, double share) {
  Eigen::MatrixXd columns = orthonormal_basis(random_symmetric(40).leftCols(12));
  for (Index i = 12 - mixed; i < 12; ++i) {
    columns.col(i) += share * columns.leftCols(i).rowwise().sum();
    columns.col(i).normalize();
  }
  return columns;
}

TEST(RestoreOrthonormality, CleansTheTailAndLeavesTheHeadAlone) {
  const Eigen::MatrixXd before = nearly_orthonormal(4, 3e-3);
  Eigen::MatrixXd columns = before;
  restore_orthonormality(columns);
  ASSERT_EQ(columns.cols(), 12);
  EXPECT_EQ(columns.leftCols(8), before.leftCols(8));
  EXPECT_LE((columns.transpose() * columns - Eigen::MatrixXd::Identity(12, 12)).cwiseAbs().maxCoeff(), 1e-14);
  // What the columns lose is in the span of those before.
  EXPECT_LE((columns - orthonormal_basis(before)).cwiseAbs().maxCoeff(), 1e-13);
}

TEST(RestoreOrthonormality, KeepsTheBitsOfOrthonormalColumns) {
  Eigen::MatrixXd columns = nearly_orthonormal(0, 0.0);
  const Eigen::MatrixXd before = columns;
  restore_orthonormality(columns);
  EXPECT_EQ(columns, before);
}

TEST(RestoreOrthonormality, LeavesNoColumnsAlone) {
  Eigen::MatrixXd columns(40, 0);
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  restore_orthonormality(columns);
  EXPECT_EQ(testing::internal::GetCapturedStdout() + testing::internal::GetCapturedStderr(),
            "");  // BLAS complains there
  EXPECT_EQ(columns.cols(), 0);
}

TEST(RestoreOrthonormality, DropsWhatIsInTheSpanOfTheColumnsBefore) {
  Eigen::MatrixXd columns = nearly_orthonormal(3, 1e-3);
  columns.col(10) = (columns.col(2) - columns.col(3)).normalized();
  restore_orthonormality(columns);
  ASSERT_EQ(columns.cols(), 10);
  EXPECT_LE((columns.transpose() * columns - Eigen::MatrixXd::Identity(10, 10)).cwiseAbs().maxCoeff(), 1e-14);
}

}  // namespace
}  // namespace flatsweep::orthonormal_basis_test
