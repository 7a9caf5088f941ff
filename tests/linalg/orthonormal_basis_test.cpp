#include "flatsweep/linalg/orthonormal_basis.hpp"

#include "linalg/matrices.hpp"

#include <gtest/gtest.h>

namespace flatsweep {
namespace {

TEST(OrthonormalBasis, SpansTheColumnsWithAPositiveTriangle) {
  const Eigen::MatrixXd columns = random_symmetric(30).leftCols(7);
  const Eigen::MatrixXd basis = orthonormal_basis(columns);
  ASSERT_EQ(basis.cols(), 7);
  EXPECT_LE((basis.transpose() * basis - Eigen::MatrixXd::Identity(7, 7)).cwiseAbs().maxCoeff(), 1e-14);
  const Eigen::MatrixXd triangle = basis.transpose() * columns;
  EXPECT_LE((basis * triangle - columns).cwiseAbs().maxCoeff(), 1e-13);
  for (Eigen::Index i = 0; i < 7; ++i) {
    EXPECT_GT(triangle(i, i), 0.0);
    for (Eigen::Index j = 0; j < i; ++j) EXPECT_NEAR(triangle(i, j), 0.0, 1e-13);
  }
}

}  // namespace
}  // namespace flatsweep
