#include "flatsweep/analysis/white_noise.hpp"

#include "flatsweep/base/index.hpp"
#include "flatsweep/base/random.hpp"
#include "flatsweep/linalg/symmetric_eigen.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

namespace flatsweep::white_noise_test {
namespace {

/// Eigenvalues of the covariance of T snapshots of N independent normal numbers, mean taken out; (N,) descending.
Eigen::VectorXd gaussian_spectrum(Index size, Index iterations) {
  Random random(3, RandomPurpose::simulation);
  Eigen::MatrixXd rows(iterations, size);
  for (auto& x : rows.reshaped()) x = random.normal();
  rows.rowwise() -= rows.colwise().mean().eval();
  return eigen_symmetric(rows.transpose() * rows / static_cast<double>(iterations)).values;
}

// Eigenvalues of random matrices are rigid: each is off by its distance to the next, about 1 % of the largest here, and
// the outermost by N^(-2/3) = 3 % of it.
TEST(WhiteNoiseSpectrum, IsThatOfGaussianMatrices) {
  for (const auto& [size, iterations] : {std::pair{200, 800}, {300, 330}, {300, 120}}) {
    const auto measured = gaussian_spectrum(size, iterations);
    const auto expected = white_noise_spectrum(measured.sum(), size, iterations);
    ASSERT_EQ(expected.size(), size);
    EXPECT_LT((measured - expected).cwiseAbs().maxCoeff(), 0.03 * measured(0)) << size << ", " << iterations;
    EXPECT_LT((measured - expected).cwiseAbs().mean(), 0.005 * measured(0)) << size << ", " << iterations;
    EXPECT_TRUE(std::ranges::is_sorted(expected, std::greater<>()));
  }
}

TEST(WhiteNoiseBand, HoldsTheVariancesOfGaussianMatrices) {
  const auto measured = gaussian_spectrum(200, 800);
  const auto band = white_noise_band(measured.sum(), 200, 800);
  const double variance = measured.sum() / 200.0;
  EXPECT_DOUBLE_EQ(band.low, variance * 0.25);
  EXPECT_DOUBLE_EQ(band.high, variance * 2.25);
  EXPECT_NEAR(measured(0), band.high, 0.05 * band.high);
  EXPECT_NEAR(measured(199), band.low, 0.05 * band.high);
}

// Moments of the law: <x> = s^2, <x^2> = s^4 (1 + N/T); N midpoints miss the second by 1/N^2 or so, and the share of
// the one mode that the mean takes is 1/T.
TEST(WhiteNoiseSpectrum, HasTheMomentsOfTheLaw) {
  const auto spectrum = white_noise_spectrum(1000.0, 1000, 4000);
  EXPECT_NEAR(spectrum.sum(), 1000.0, 1e-9);
  EXPECT_NEAR(spectrum.squaredNorm() / 1000.0, 1.25, 1e-3);
}

TEST(WhiteNoiseSpectrum, HasAsManyVariancesAsSnapshotsLeaveIt) {
  const auto spectrum = white_noise_spectrum(2.0, 50, 20);
  EXPECT_GT(spectrum(18), 0.0);
  EXPECT_EQ(spectrum.tail(31).maxCoeff(), 0.0);
  EXPECT_NEAR(spectrum.sum(), 2.0, 1e-12);
  EXPECT_EQ(white_noise_spectrum(2.0, 5, 1).sum(), 0.0);
}

}  // namespace
}  // namespace flatsweep::white_noise_test
