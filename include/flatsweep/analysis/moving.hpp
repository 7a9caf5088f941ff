#pragma once

#include <Eigen/Core>

#include <cstdint>

namespace flatsweep {

/// The variance above which a principal direction counts as moving: below it, rounding may have made what PCA sees.
/// The larger of
/// - ten times the walk that rounding makes of weights in single precision. Every update rounds a weight to the nearest
///   number 24 bits can hold: an error uniform over one unit in the last place u, of variance u^2/12. Errors of T
///   updates add up to a free walk, whose variance about its mean over the window is (T^2 - 1)/(6 T) times that.
///   Averaged over the weights; at ten times it the logarithm of a variance is wrong by 0.1 at most.
/// - n eps of the leading variance, n = min(N, T), eps = 2^-52: what a symmetric eigensolver in double precision may be
///   wrong by. Weights that stand still (a dead unit, a black pixel) come out below.
/// @param mean (N,) weights, mean over the window   @param iterations T   @param leading sigma_1^2
[[nodiscard]] double rounding_variance(const Eigen::VectorXd& mean, std::int64_t iterations, double leading);

/// Leading directions whose variance is above `rounding`.
/// @param variance descending, NaN where not computed
[[nodiscard]] int count_moving(const Eigen::VectorXd& variance, double rounding);

}  // namespace flatsweep
