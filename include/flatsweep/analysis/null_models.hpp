#pragma once

#include <Eigen/Core>

#include <cstdint>
#include <span>

namespace flatsweep {

/// Share of the variance that the modes counted by a learning dimension hold (SI, Fig S16).
constexpr double learning_fraction = 0.999;

/// Variance fraction of mode k (from 1) of the PCA of a long random walk: 6/(pi^2 k^2), docs/science/nulls.md
[[nodiscard]] double random_walk_fraction(int k);

/// Modes that hold `fraction` of the variance of a random walk of `steps` steps in many dimensions: from the exact
/// spectrum 1/(4 sin^2(pi k/2T)), k = 1..T-1, of the centred walk's covariance. 608 for 0.999 in the limit of long
/// walks.
/// @param first_mode 2 leaves mode 1 out of both the count and the total, and so on
/// @pre steps >= 1   @return at most steps - first_mode
[[nodiscard]] int random_walk_learning_dimension(std::int64_t steps, double fraction = learning_fraction,
                                                 int first_mode = 1);

/// How much a mode's time course is the k-th cosine of a free random walk:
/// c_k = (2/T) (sum_t cos(pi k (t+1/2)/T) theta(t))^2 / sum_t theta(t)^2, between 0 and 1. science.md section 9
/// @param theta (T,) projections on mode k, mean taken out   @param k from 1
[[nodiscard]] double cosine_content(std::span<const double> theta, int k);

/// Least number of leading values that hold `fraction` of `total`. Values descending; values.size()+1 when they do not.
[[nodiscard]] int learning_dimension(std::span<const double> variances, double total,
                                     double fraction = learning_fraction);

}  // namespace flatsweep
