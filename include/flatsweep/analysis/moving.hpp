#pragma once

#include <Eigen/Core>

#include <cstdint>

namespace flatsweep {

/// Variance that rounding to single precision gives each weight of a snapshot: an error uniform over the distance of
/// neighbouring numbers.
/// @param mean  (N,) of the window   @return (N,)
[[nodiscard]] Eigen::VectorXd rounding_of_weights(const Eigen::VectorXd& mean);

/// The variance that rounding may have made along each direction of a window. The larger of
/// - ten times the walk that rounding makes of weights in single precision. Every update rounds a weight to the nearest
///   number 24 bits can hold: an error uniform over one unit in the last place u, of variance u^2/12. Errors of T
///   updates add up to a free walk, whose variance about its mean over the window is (T^2 - 1)/(6 T) times that; along
///   p it is the sum of p_k^2 times those of the weights. At ten times it ln sigma^2 is wrong by 0.1.
/// - n eps of the leading variance, n = min(N, T), eps = 2^-52: what a symmetric eigensolver in double precision may be
///   wrong by. Weights that stand still (a dead unit, a black pixel) come out below.
/// @param mean (N,) weights, mean over the window   @param iterations T   @param leading sigma_1^2
/// @param directions (N, K) unit columns   @return (K,)
[[nodiscard]] Eigen::VectorXd rounding_bounds(const Eigen::VectorXd& mean, std::int64_t iterations, double leading,
                                              const Eigen::MatrixXd& directions);

/// Leading directions that move: as many as come before the first whose variance is not above its bound.
/// @param variance (K,) or longer, descending   @param bounds (K,)
[[nodiscard]] int count_moving(const Eigen::VectorXd& variance, const Eigen::VectorXd& bounds);

/// One variance that tells those directions from the others: above it are the first `moving` only. About the bound of
/// the first direction that does not move, or of the last where all do; 0 without directions.
[[nodiscard]] double rounding_level(const Eigen::VectorXd& variance, const Eigen::VectorXd& bounds, int moving);

}  // namespace flatsweep
