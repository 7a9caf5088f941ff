#include "flatsweep/linalg/row_distribution.hpp"

#include "flatsweep/base/index.hpp"
#include "flatsweep/base/random.hpp"

#include <gtest/gtest.h>

namespace flatsweep::row_distribution_test {
namespace {
using Eigen::MatrixXd;

MatrixXd gaussian(Index rows, Index columns, std::int64_t seed) {
  Random random(seed, RandomPurpose::simulation);
  MatrixXd matrix(rows, columns);
  for (auto& entry : matrix.reshaped()) entry = random.normal();
  return matrix;
}

// Fewer rows than one segment, several segments, and more than 64 segments of 256.
class Rows : public testing::TestWithParam<int> {
 protected:
  const Communicator world = Communicator::world();
  const RowDistribution rows{world, GetParam()};
  const RowDistribution one_rank{Communicator::self(), GetParam()};
  const MatrixXd a = gaussian(GetParam(), 30, 1), b = gaussian(GetParam(), 17, 2);

  [[nodiscard]] MatrixXd local(const MatrixXd& whole) const {
    return whole.middleRows(rows.local().begin, rows.local().size());
  }
};

TEST_P(Rows, AreDealtOnce) {
  EXPECT_EQ(world.sum(rows.local().size()), GetParam());
  EXPECT_EQ(rows.gather(local(a)), a);
}

TEST_P(Rows, InnerProductsAreThoseOfTheWholeMatrices) {
  const MatrixXd inner = rows.inner(local(a), local(b));
  // Sums of n products of normal numbers round by about sqrt(n) eps.
  EXPECT_LE((inner - a.transpose() * b).cwiseAbs().maxCoeff(), 1e-14 * GetParam());
  EXPECT_EQ(inner, one_rank.inner(a, b));
}

TEST_P(Rows, ProductsAreThoseOfTheWholeMatrices) {
  const MatrixXd c = gaussian(30, 9, 3);
  const MatrixXd product = rows.gather(rows.times(local(a), c));
  EXPECT_LE((product - a * c).cwiseAbs().maxCoeff(), 1e-13);  // sums of 30
  EXPECT_EQ(product, one_rank.times(a, c));
}

INSTANTIATE_TEST_SUITE_P(Sizes, Rows, testing::Values(1, 7, 1500, 20000));

}  // namespace
}  // namespace flatsweep::row_distribution_test
