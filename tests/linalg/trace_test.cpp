#include "flatsweep/linalg/trace.hpp"

#include "flatsweep/base/error.hpp"
#include "linalg/matrices.hpp"

#include <gtest/gtest.h>

namespace flatsweep::trace_test {
namespace {

TEST(Trace, IsExactWithAsManyProductsAsRows) {
  const Eigen::MatrixXd matrix = random_symmetric(30);
  const auto trace = estimate_trace(product_with(matrix), 30, 90, 1);
  EXPECT_NEAR(trace.value, matrix.trace(), 1e-12);
  EXPECT_EQ(trace.error, 0.0);
  EXPECT_EQ(trace.products, 30);
  EXPECT_NEAR(trace.frobenius, matrix.norm(), 1e-12);
  EXPECT_EQ(trace.frobenius_error, 0.0);
}

TEST(Trace, IsExactForAMatrixOfLowRank) {
  const Eigen::MatrixXd matrix = degenerate(200) - Eigen::MatrixXd::Identity(200, 200);  // rank 3, trace 12
  const auto trace = estimate_trace(product_with(matrix), 200, 12, 1);
  EXPECT_NEAR(trace.value, 12.0, 1e-11);  // rounding of sums of 200 numbers
  EXPECT_LE(trace.error, 1e-11);
  EXPECT_EQ(trace.products, 12);
  EXPECT_NEAR(trace.frobenius, matrix.norm(), 1e-11);
}

// Forty seeds: the mean of their errors is 0 within its own standard error, and errors are as large as they say.
TEST(Trace, IsUnbiasedAndKnowsItsError) {
  const Eigen::MatrixXd matrix = random_symmetric(120);  // half of the eigenvalues are negative
  const int seeds = 40;
  double sum = 0.0, squares = 0.0;
  for (int seed = 0; seed < seeds; ++seed) {
    const auto trace = estimate_trace(product_with(matrix), 120, 60, seed);
    const double score = (trace.value - matrix.trace()) / trace.error;
    sum += score;
    squares += score * score;
  }
  EXPECT_LE(std::abs(sum) / seeds, 3.0 / std::sqrt(seeds));
  EXPECT_NEAR(squares / seeds, 1.0,
              0.75);  // a mean of forty squares scatters by sqrt(2/40) = 0.22, the errors add to it
}

// The probes alone would miss what the sketch took out, most of the norm. Forty seeds: the mean of the squares is right
// within its own standard error, and they scatter as their errors say.
TEST(Trace, SquareOfTheFrobeniusNormIsUnbiasedAndKnowsItsError) {
  const int seeds = 40;
  for (const auto& matrix : {random_symmetric(120), Eigen::MatrixXd(decaying(120))}) {
    const double exact = matrix.squaredNorm();
    double sum = 0.0, squares = 0.0, said = 0.0;
    for (int seed = 0; seed < seeds; ++seed) {
      const auto trace = estimate_trace(product_with(matrix), 120, 60, seed);
      const double away = trace.frobenius * trace.frobenius - exact;
      sum += away / seeds;
      squares += away * away / seeds;
      said += std::pow(2.0 * trace.frobenius * trace.frobenius_error, 2) / seeds;
    }
    EXPECT_LE(std::abs(sum), 3.0 * std::sqrt(squares / seeds));
    EXPECT_NEAR(squares / said, 1.0, 0.6);  // a mean of forty squares scatters by 0.22, that of the errors by as much
  }
}

// A spectrum i^-2: most of the trace lies in what the sketch finds, so that the rest hardly varies.
TEST(Trace, OfADecayingSpectrumIsMorePreciseThanPlainProbes) {
  const Eigen::MatrixXd matrix = decaying(300);
  const auto trace = estimate_trace(product_with(matrix), 300, 60, 1);
  EXPECT_NEAR(trace.value, matrix.trace(), 4.0 * trace.error + 1e-12);
  const double plain = std::sqrt(2.0 / 60.0) * matrix.norm();  // of as many probes of the whole matrix, nearly
  EXPECT_LT(trace.error, 0.1 * plain);
}

TEST(Trace, RefusesTooFewProducts) {
  EXPECT_THROW((void)estimate_trace(product_with(second_difference(20)), 20, 5, 1), SolverError);
}

}  // namespace
}  // namespace flatsweep::trace_test
