#include "flatsweep/linalg/products.hpp"

#include "flatsweep/base/random.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <tuple>

namespace flatsweep::products_test {
namespace {

Eigen::MatrixXd normal_numbers(Index rows, Index columns, int seed) {
  Random random(seed, RandomPurpose::simulation);
  Eigen::MatrixXd matrix(rows, columns);
  for (auto& x : matrix.reshaped()) x = random.normal();
  return matrix;
}

double plain_entry(const Eigen::MatrixXd& a, const Eigen::MatrixXd& b, Index i, Index j) {
  double sum = 0.0;
  for (Index k = 0; k < b.rows(); ++k) sum += a(i, k) * b(k, j);
  return sum;
}

void expect_product(const Eigen::MatrixXd& found, const Eigen::MatrixXd& a, const Eigen::MatrixXd& b) {
  ASSERT_EQ(found.rows(), a.rows());
  ASSERT_EQ(found.cols(), b.cols());
  for (Index i = 0; i < a.rows(); ++i)
    for (Index j = 0; j < b.cols(); ++j) EXPECT_NEAR(found(i, j), plain_entry(a, b, i, j), 1e-12);  // sums of 40
}

TEST(Multiply, IsThePlainTripleLoop) {
  for (const auto& [m, k, n] : {std::array<Index, 3>{1, 1, 1}, {7, 40, 3}, {1, 40, 5}, {33, 40, 1}, {20, 1, 20}}) {
    const auto a = normal_numbers(m, k, 1), b = normal_numbers(k, n, 2);
    expect_product(multiply(a, b), a, b);
  }
}

TEST(Multiply, TakesAndFillsBlocksOfMatrices) {
  const auto a = normal_numbers(30, 50, 3), b = normal_numbers(60, 20, 4);
  Eigen::MatrixXd out = Eigen::MatrixXd::Constant(40, 30, 7.0);
  multiply(a.block(5, 6, 12, 40), b.block(9, 3, 40, 8), out.block(2, 1, 12, 8));
  expect_product(out.block(2, 1, 12, 8), a.block(5, 6, 12, 40), b.block(9, 3, 40, 8));
  out.block(2, 1, 12, 8).setConstant(7.0);
  EXPECT_TRUE((out.array() == 7.0).all());
}

TEST(Multiply, OfNothingIsZeroOrNothing) {
  EXPECT_EQ(multiply(Eigen::MatrixXd(3, 0), Eigen::MatrixXd(0, 2)), Eigen::MatrixXd::Zero(3, 2));
  EXPECT_EQ(multiply(Eigen::MatrixXd(0, 4), Eigen::MatrixXd::Ones(4, 2)).rows(), 0);
  EXPECT_EQ(multiply(Eigen::MatrixXd::Ones(3, 4), Eigen::MatrixXd(4, 0)).cols(), 0);
}

TEST(AddTransposedProduct, AddsToWhatIsThere) {
  const auto a = normal_numbers(40, 6, 5), b = normal_numbers(40, 9, 6), before = normal_numbers(6, 9, 7);
  Eigen::MatrixXd sum = before;
  add_transposed_product(a, b, sum);
  expect_product(sum - before, a.transpose(), b);
}

// 600 columns are more than one product; rows in two parts of other weights, dealt over the ranks.
TEST(OuterProducts, AreSquaresOfProjections) {
  const auto world = Communicator::world();
  const RowMatrixF rows = normal_numbers(90, 35, 8).cast<float>();
  const auto directions = normal_numbers(35, 600, 9);
  OuterProducts products(35);
  for (const auto& [first, count, weight] : {std::tuple{0, 60, 0.5}, {60, 30, 3.0}}) {
    const auto mine = share(count, world.rank(), world.size());
    products.add(rows.middleRows(first + mine.begin, mine.size()), weight);
  }
  products.reduce(world);
  const auto found = products.along(directions);
  ASSERT_EQ(found.size(), 600);
  for (Index i = 0; i < 600; ++i) {
    double expected = 0.0;
    for (Index t = 0; t < 90; ++t)
      expected += (t < 60 ? 0.5 : 3.0) * std::pow(plain_entry(rows.cast<double>(), directions, t, i), 2);
    EXPECT_NEAR(found(i) / expected, 1.0, 1e-12);
  }
}

}  // namespace
}  // namespace flatsweep::products_test
