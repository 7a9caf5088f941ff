#include "flatsweep/analysis/noise_curvature.hpp"

#include "flatsweep/analysis/subspace_overlap.hpp"
#include "flatsweep/base/random.hpp"
#include "flatsweep/linalg/orthonormal_basis.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <numbers>
#include <numeric>

namespace flatsweep::noise_curvature_test {
namespace {

Eigen::MatrixXd random_matrix(int n, Random& random) {
  Eigen::MatrixXd matrix(n, n);
  for (double& entry : matrix.reshaped()) entry = random.normal();
  return matrix;
}

/// Uniform on the orthogonal group: QR of normal numbers, the signs of R's diagonal moved into Q.
Eigen::MatrixXd random_rotation(int n, Random& random) { return orthonormal_basis(random_matrix(n, random)); }

NoiseCurvature compare(const Eigen::MatrixXd& noise, const Eigen::MatrixXd& hessian) {
  NoiseCurvature relation;
  compare_matrices(noise, hessian, relation);
  return relation;
}

TEST(NoiseCurvature, OfMatricesThatCommute) {
  const Eigen::Matrix3d noise = Eigen::Vector3d(3.0, 2.0, 1.0).asDiagonal();
  const Eigen::Matrix3d hessian = Eigen::Vector3d(1.0, 5.0, 0.0).asDiagonal();
  EXPECT_EQ(compare(noise, hessian).commutator, 0.0);
  EXPECT_NEAR(compare(noise, hessian).alignment, 13.0 / std::sqrt(14.0 * 26.0), 1e-15);
  EXPECT_NEAR(compare(noise, 7.0 * noise).alignment, 1.0, 1e-15);
}

// Projectors on two lines at 45 degrees: |CH - HC| = sqrt(2) sin cos, tr CH = cos^2.
TEST(NoiseCurvature, OfTwoLinesAtAnAngle) {
  Eigen::Matrix2d noise, hessian;
  noise << 1.0, 0.0, 0.0, 0.0;
  hessian << 0.5, 0.5, 0.5, 0.5;
  const auto relation = compare(noise, hessian);
  EXPECT_NEAR(relation.commutator, 1.0 / std::numbers::sqrt2, 1e-15);
  EXPECT_NEAR(relation.alignment, 0.5, 1e-15);
  // The mean of 2 sin^2 cos^2 over all angles is 1/4, that of cos^2 1/2.
  EXPECT_NEAR(relation.commutator_null, 0.5, 1e-15);
  EXPECT_NEAR(relation.alignment_null, 0.5, 1e-15);
}

TEST(NoiseCurvature, NullsAreMeansOverRandomRotations) {
  const int n = 7, draws = 4000;
  Random random(1, RandomPurpose::simulation);
  const Eigen::MatrixXd a = random_matrix(n, random), b = random_matrix(n, random);
  const Eigen::MatrixXd noise = a * a.transpose(), hessian = b + b.transpose();  // one positive, one indefinite
  double squares = 0.0, alignment = 0.0;
  for (int draw = 0; draw < draws; ++draw) {
    const auto rotation = random_rotation(n, random);
    const auto turned = compare(noise, rotation * hessian * rotation.transpose());
    squares += turned.commutator * turned.commutator / draws;
    alignment += turned.alignment / draws;
  }
  const auto relation = compare(noise, hessian);
  // Each draw scatters by about half of the mean square and by 0.3 of a cosine: over 4000 draws 1 % and 0.005.
  EXPECT_NEAR(relation.commutator_null, std::sqrt(squares), 0.02 * std::sqrt(squares));
  EXPECT_NEAR(relation.alignment_null, alignment, 0.015);
}

TEST(NoiseCurvature, OverlapOfSubspacesDoesNotDependOnTheirBases) {
  Random random(2, RandomPurpose::simulation);
  const auto basis = random_rotation(9, random);
  Eigen::MatrixXd mixed = basis;
  mixed.leftCols(3) = basis.leftCols(3) * random_rotation(3, random);
  EXPECT_NEAR(subspace_overlaps(basis, mixed, std::array{3})[0], 1.0, 1e-14);
  EXPECT_NEAR(subspace_overlaps(basis, basis.rowwise().reverse(), std::array{4})[0], 0.0, 1e-28);
  EXPECT_NEAR(subspace_overlaps(basis, basis.rowwise().reverse(), std::array{6})[0], 0.5,
              1e-14);  // three of six are shared
}

TEST(NoiseCurvature, ExponentIsThatOfAnExactLaw) {
  std::vector<int> number(40);
  std::iota(number.begin(), number.end(), 0);
  std::vector<double> curvature, noise;
  for (const int i : number) {
    curvature.push_back(std::exp(-0.3 * i));
    noise.push_back(5.0 * std::pow(curvature.back(), 1.25));
  }
  noise[0] = 1e6;  // outside of the fit range
  curvature[30] = -1e-3;
  curvature[31] = 1e-12;  // a rounded zero
  noise[32] = 0.0;
  PsiOptions fit;
  fit.fit_first = 1;
  fit.fit_last = 35;
  const auto exponent = fit_noise(number, curvature, noise, fit);
  EXPECT_EQ(exponent.points, 32);
  EXPECT_NEAR(exponent.value, 1.25, 1e-12);
  EXPECT_NEAR(exponent.low, 1.25, 1e-9);
  EXPECT_NEAR(exponent.high, 1.25, 1e-9);
}

}  // namespace
}  // namespace flatsweep::noise_curvature_test
