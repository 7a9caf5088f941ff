#include "flatsweep/analysis/subspace_overlap.hpp"

#include "flatsweep/base/index.hpp"
#include "flatsweep/base/random.hpp"
#include "flatsweep/linalg/orthonormal_basis.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace flatsweep::subspace_overlap_test {
namespace {
using Eigen::MatrixXd;

MatrixXd random_subspace(Random& random, Index n, Index k) {
  MatrixXd start(n, k);
  for (auto& entry : start.reshaped()) entry = random.normal();
  return orthonormal_basis(start);
}

TEST(SubspaceOverlap, IsOneForTheSameSubspaceInAnotherBasis) {
  Random random(1, RandomPurpose::simulation);
  const MatrixXd u = random_subspace(random, 20, 4);
  const MatrixXd turned = u * random_subspace(random, 4, 4);
  const std::vector<int> counts = {4};
  EXPECT_NEAR(subspace_overlaps(u, turned, counts)[0], 1.0, 1e-14);
}

TEST(SubspaceOverlap, IsTheMeanSquareCosineOfThePrincipalAngles) {
  // Planes spanned by e1, e2 and by vectors at 30 and 60 degrees from them.
  MatrixXd u = MatrixXd::Zero(6, 2), v = MatrixXd::Zero(6, 2);
  u(0, 0) = u(1, 1) = 1.0;
  v(0, 0) = std::cos(M_PI / 6), v(2, 0) = std::sin(M_PI / 6);
  v(1, 1) = std::cos(M_PI / 3), v(3, 1) = std::sin(M_PI / 3);
  const std::vector<int> counts = {1, 2};
  const auto overlaps = subspace_overlaps(u, v, counts);
  EXPECT_NEAR(overlaps[0], 0.75, 1e-15);
  EXPECT_NEAR(overlaps[1], 0.5, 1e-15);  // (3/4 + 1/4) / 2
}

TEST(SubspaceOverlap, OfOrthogonalSubspacesIsZero) {
  const MatrixXd identity = MatrixXd::Identity(8, 8);
  const std::vector<int> counts = {1, 4};
  for (const double overlap : subspace_overlaps(identity.leftCols(4), identity.rightCols(4), counts))
    EXPECT_EQ(overlap, 0.0);
}

TEST(SubspaceOverlap, OfRandomSubspacesHasItsMeanAndSpread) {
  Random random(2, RandomPurpose::simulation);
  constexpr int draws = 4000, n = 12;
  for (const Index k : {1, 4, 12}) {
    const std::vector<int> counts = {static_cast<int>(k)};
    double sum = 0.0, squares = 0.0;
    for (int draw = 0; draw < draws; ++draw) {
      const double overlap = subspace_overlaps(random_subspace(random, n, k), random_subspace(random, n, k), counts)[0];
      sum += overlap;
      squares += overlap * overlap;
    }
    const auto expected = random_subspace_overlap(k, n);
    const double mean = sum / draws, std = std::sqrt(std::max(squares / draws - mean * mean, 0.0));
    // Five standard errors of the mean; the spread's own error is about 1/sqrt(2 draws) for a normal, up to four times
    // that for the skewed k = 1.
    EXPECT_NEAR(mean, expected.mean, 5.0 * expected.std / std::sqrt(draws) + 1e-12);
    EXPECT_NEAR(std, expected.std, 0.06 * expected.std + 1e-7);
  }
}

TEST(OverlapCounts, AreRoundNumbers) {
  EXPECT_EQ(overlap_counts(1), (std::vector<int>{1}));
  EXPECT_EQ(overlap_counts(60), (std::vector<int>{1, 2, 5, 10, 20, 50}));
  EXPECT_EQ(overlap_counts(100), (std::vector<int>{1, 2, 5, 10, 20, 50, 100}));
}

}  // namespace
}  // namespace flatsweep::subspace_overlap_test
