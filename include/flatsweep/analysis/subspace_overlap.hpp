#pragma once

#include "flatsweep/base/index.hpp"

#include <Eigen/Core>

#include <span>
#include <vector>

namespace flatsweep {

/// |U_k^T V_k|_F^2 / k of the first k columns of each, the mean square cosine of the principal angles between both
/// subspaces: 1 where they are equal, 0 where they are orthogonal.
/// @param u, v (N, at least the largest of `counts`) orthonormal columns   @param counts the k, each 1 or more
/// @return one for every k
[[nodiscard]] std::vector<double> subspace_overlaps(const Eigen::MatrixXd& u, const Eigen::MatrixXd& v,
                                                    std::span<const int> counts);

/// What random subspaces of k dimensions have in N: mean k/N and standard deviation over such pairs,
/// sqrt(2) (N - k) / (N sqrt((N - 1)(N + 2))).
struct RandomOverlap {
  double mean = 0.0;
  double std = 0.0;
};
/// @pre 1 <= k <= n, n >= 2
[[nodiscard]] RandomOverlap random_subspace_overlap(Index k, Index n);

/// 1, 2, 5, 10, 20, 50, ... up to `most`.
[[nodiscard]] std::vector<int> overlap_counts(Index most);

/// How alike the leading directions of several seeds are.
struct SeedOverlaps {
  std::vector<int> count;             ///< (c,) k, leading directions that are compared
  std::vector<double> overlap;        ///< (c, seeds, seeds) row-major, 1 on the diagonal
  std::vector<double> mean;           ///< (c,) over pairs of different seeds
  std::vector<RandomOverlap> random;  ///< (c,) of random subspaces
};
/// @param directions of every seed, (N, any number) orthonormal columns, N the same for all; the seed with the fewest
/// decides how many are compared
[[nodiscard]] SeedOverlaps seed_overlaps(std::span<const Eigen::MatrixXd> directions);

}  // namespace flatsweep
