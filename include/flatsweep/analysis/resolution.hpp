#pragma once

#include <Eigen/Core>

#include <cstdint>

namespace flatsweep {

/// Variance that rounding to single precision gives each weight of a snapshot: the square of the spacing of numbers
/// about the weight, at most 2^-23 |w|, over 12.
/// @param mean (N,) mean weights of the window   @return (N,)
[[nodiscard]] Eigen::VectorXd rounding_of_weights(const Eigen::VectorXd& mean);

/// The variance up to which a mode of the window's PCA is rounding, the larger of two:
/// - u (1 + sqrt(N/T))^2, u the rounding of the coarsest weight. Roundings that know nothing of each other add up to no
///   more than u along any direction that was not chosen by them, and to the edge of the Marchenko-Pastur law along
///   those that were.
/// - 1e-13 of the leading variance, which the eigensolve in double precision cannot tell from zero.
/// @param mean (N,) mean weights of the window   @param iterations T   @param leading sigma_1^2
[[nodiscard]] double rounding_variance(const Eigen::VectorXd& mean, std::int64_t iterations, double leading);

/// How many of the leading variances are above rounding.
/// @param variance descending, NaN behind those that were computed   @param rounding of `rounding_variance`
[[nodiscard]] int count_moving(const Eigen::VectorXd& variance, double rounding);

}  // namespace flatsweep
