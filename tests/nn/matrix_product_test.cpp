#include "flatsweep/nn/matrix_product.hpp"

#include "flatsweep/base/random.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace flatsweep::matrix_product_test {
namespace {

using Floats = std::vector<float>;

std::size_t at(int row, int column, int ld) {
  return static_cast<std::size_t>(column) * static_cast<std::size_t>(ld) + static_cast<std::size_t>(row);
}

Floats noise(int columns, int ld, Random& random) {
  Floats values(static_cast<std::size_t>(columns) * static_cast<std::size_t>(ld));
  for (auto& v : values) v = static_cast<float>(random.uniform(-1.0, 1.0));
  return values;
}

struct Case {
  ProductShape shape;
  Target target;
  SecondFactor second;
};

/// Entry (i, j) by the definition, with the sum of the absolute terms that bounds the rounding error.
struct Entry {
  double value = 0.0, magnitude = 0.0;
};

Entry entry(const Case& c, const Floats& a, const Floats& b, float before, int i, int j) {
  Entry sum;
  if (c.target == Target::accumulate) sum = {before, std::abs(before)};
  for (int l = 0; l < c.shape.k; ++l) {
    const double left = a[at(i, l, c.shape.lda)];
    const double right = c.second == SecondFactor::plain ? b[at(l, j, c.shape.ldb)] : b[at(j, l, c.shape.ldb)];
    sum.value += left * right;
    sum.magnitude += std::abs(left * right);
  }
  return sum;
}

// Any order of summing k products in single precision errs by less than (k + 1) 2^-24 of the sum of magnitudes.
void expect_product(const Case& c, MatrixProduct::Backend backend) {
  const auto& s = c.shape;
  SCOPED_TRACE(testing::Message() << s.m << " x " << s.n << " x " << s.k
                                  << (c.target == Target::accumulate ? ", accumulate" : "")
                                  << (c.second == SecondFactor::transposed ? ", transposed" : ""));
  Random random(1, RandomPurpose::simulation);
  const auto a = noise(s.k, s.lda, random);
  const auto b = noise(c.second == SecondFactor::plain ? s.n : s.k, s.ldb, random);
  const auto before = noise(s.n, s.ldc, random);
  auto out = before;
  const MatrixProduct product(s, c.target, c.second, backend);
  product(a.data(), b.data(), out.data());
  for (int j = 0; j < s.n; ++j) {
    for (int i = 0; i < s.m; ++i) {
      const auto expected = entry(c, a, b, before[at(i, j, s.ldc)], i, j);
      ASSERT_NEAR(out[at(i, j, s.ldc)], expected.value, (s.k + 1) * 0x1p-24 * expected.magnitude) << i << ", " << j;
    }
    for (int i = s.m; i < s.ldc; ++i)
      ASSERT_EQ(out[at(i, j, s.ldc)], before[at(i, j, s.ldc)]) << "written outside of c";
  }
}

class MatrixProductTest : public testing::TestWithParam<MatrixProduct::Backend> {};

TEST_P(MatrixProductTest, EqualsThePlainTripleLoop) {
  for (const int m : {1, 2, 15, 16, 17, 50, 64})
    for (const int n : {1, 3, 10, 50})
      for (const int k : {1, 2, 10, 50, 784})
        for (const auto target : {Target::overwrite, Target::accumulate})
          for (const auto second : {SecondFactor::plain, SecondFactor::transposed})
            expect_product({{m, n, k, m, second == SecondFactor::plain ? k : n, m}, target, second}, GetParam());
}

TEST_P(MatrixProductTest, ReachesOnlyItsBlockOfALargerMatrix) {
  for (const auto second : {SecondFactor::plain, SecondFactor::transposed})
    expect_product({{17, 5, 9, 20, 13, 32}, Target::overwrite, second}, GetParam());
}

// The products of a minibatch of 50 in the reference network and of one in a wide one.
TEST_P(MatrixProductTest, EqualsThePlainTripleLoopForTheShapesOfTraining) {
  for (const int width : {50, 200}) {
    expect_product({{64, width, 784, 64, 784, 64}, Target::overwrite, SecondFactor::plain}, GetParam());
    expect_product({{784, width, 50, 784, 64, 784}, Target::overwrite, SecondFactor::plain}, GetParam());
    expect_product({{64, width, width, 64, width, 64}, Target::overwrite, SecondFactor::transposed}, GetParam());
  }
}

// Zero times what an unset memory may hold must not reach the result.
TEST_P(MatrixProductTest, OverwritesNumbersThatAreNone) {
  const Floats a(16 * 2, 1.0F), b(2 * 3, 1.0F);
  Floats c(16 * 3, std::nanf(""));
  MatrixProduct({16, 3, 2, 16, 2, 16}, Target::overwrite, SecondFactor::plain, GetParam())(a.data(), b.data(),
                                                                                           c.data());
  EXPECT_THAT(c, testing::Each(2.0F));
}

INSTANTIATE_TEST_SUITE_P(Backends, MatrixProductTest,
                         testing::Values(MatrixProduct::Backend::best, MatrixProduct::Backend::eigen),
                         [](const auto& backend) {
                           return backend.param == MatrixProduct::Backend::best ? "Best" : "Eigen";
                         });

TEST(MatrixKernels, NameTheirLibraryAndVersion) {
  EXPECT_THAT(matrix_kernels(), testing::ContainsRegex("^(LIBXSMM|Eigen) [0-9]+\\.[0-9]+"));
}

}  // namespace
}  // namespace flatsweep::matrix_product_test
