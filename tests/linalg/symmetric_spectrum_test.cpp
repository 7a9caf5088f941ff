#include "flatsweep/linalg/symmetric_spectrum.hpp"

#include "flatsweep/base/error.hpp"
#include "linalg/matrices.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace flatsweep::symmetric_spectrum_test {
namespace {

void expect_eigenvectors(const Eigen::MatrixXd& matrix, const std::vector<int>& numbers) {
  const Index n = matrix.rows(), count = std::ssize(numbers);
  const SymmetricSpectrum spectrum(Communicator::world(), matrix);
  const auto vectors = spectrum.vectors(numbers);
  ASSERT_EQ(vectors.rows(), n);
  ASSERT_EQ(vectors.cols(), count);
  const double norm = matrix.norm();
  for (Index i = 0; i < count; ++i) {
    const double value = spectrum.values()(numbers[static_cast<std::size_t>(i)]);
    EXPECT_LE((matrix * vectors.col(i) - value * vectors.col(i)).norm(), rounding(n, norm)) << i;
  }
  const Eigen::MatrixXd overlaps = vectors.transpose() * vectors;
  EXPECT_LE((overlaps - Eigen::MatrixXd::Identity(count, count)).cwiseAbs().maxCoeff(), rounding(n, 1.0));
}

TEST(SymmetricSpectrum, IsTheKnownOneOfTheSecondDifferenceMatrix) {
  const int n = 200;
  const SymmetricSpectrum spectrum(Communicator::world(), second_difference(n));
  EXPECT_LE((spectrum.values() - second_difference_spectrum(n)).cwiseAbs().maxCoeff(), rounding(n, 4.0));
  expect_eigenvectors(second_difference(n), {0, 1, 57, 58, 199});
}

// sin(angle) is at most the residual over the gap: 1e-13 over 2e-4 at 20.
TEST(SymmetricSpectrum, HasTheVectorsOfTheFullSolve) {
  const auto matrix = decaying(150);
  const auto full = eigen_symmetric(matrix);
  const std::vector<int> numbers = {0, 3, 4, 19};
  const auto vectors = SymmetricSpectrum(Communicator::world(), matrix).vectors(numbers);
  for (Index i = 0; i < 4; ++i)
    EXPECT_NEAR(std::abs(vectors.col(i).dot(full.vectors.col(numbers[static_cast<std::size_t>(i)]))), 1.0, 1e-14);
  expect_eigenvectors(matrix, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 50, 100, 148, 149});
}

TEST(SymmetricSpectrum, HasOrthonormalVectorsOfDegenerateEigenvalues) {
  expect_eigenvectors(degenerate(90), {0, 1, 2, 3, 40, 89});
  expect_eigenvectors(Eigen::MatrixXd::Identity(20, 20), {0, 7, 19});
}

// Weights that never move: every other row and column is zero.
TEST(SymmetricSpectrum, TakesMatricesWithZeroRows) {
  Eigen::MatrixXd matrix = Eigen::MatrixXd::Zero(80, 80);
  const auto moving = decaying(40);
  for (Index i = 0; i < 40; ++i)
    for (Index j = 0; j < 40; ++j) matrix(2 * i, 2 * j) = moving(i, j);
  expect_eigenvectors(matrix, {0, 1, 10, 39, 40, 41, 79});
}

TEST(SymmetricSpectrum, TakesOneRowAndAsksForNoVector) {
  const SymmetricSpectrum spectrum(Communicator::world(), Eigen::MatrixXd::Constant(1, 1, -3.0));
  EXPECT_EQ(spectrum.values()(0), -3.0);
  EXPECT_EQ(std::abs(spectrum.vectors(std::vector<int>{0})(0, 0)), 1.0);
  EXPECT_EQ(spectrum.vectors({}).cols(), 0);
}

TEST(SymmetricSpectrum, RefusesWhatIsNotFinite) {
  Eigen::MatrixXd matrix = second_difference(30);
  matrix(12, 3) = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW((void)SymmetricSpectrum(Communicator::world(), matrix), SolverError);
}

}  // namespace
}  // namespace flatsweep::symmetric_spectrum_test
