#pragma once

#include "flatsweep/data/sampler.hpp"

#include <cstdint>

namespace flatsweep {

/// SGD along one direction of a quadratic loss: v(t+1) = beta v(t) + lambda theta(t) + xi(t),
/// theta(t+1) = theta(t) - alpha v(t+1), xi the noise of the minibatch gradient. science.md section 9
struct QuadraticMode {
  double curvature = 0.0;       ///< lambda; 0, less or NaN: no restoring force
  double noise_variance = 0.0;  ///< C, variance of the minibatch gradient along the mode
  double learning_rate = 0.1;   ///< alpha
  double momentum = 0.0;        ///< beta
  std::int64_t iterations = 1;  ///< m, of an epoch
};

/// Stationary variance under white noise, alpha C (1 + beta) / ((1 - beta) lambda (2 (1 + beta) - alpha lambda));
/// infinite without a restoring force and where SGD is unstable, alpha lambda >= 2 (1 + beta).
[[nodiscard]] double white_noise_variance(const QuadraticMode& mode);

/// Variance along flat directions under reshuffling, about the position at the epochs' ends: alpha^2 C (m + 1) / 6, the
/// mean of alpha^2 C j (m - j) / (m - 1) over j = 1..m. For beta > 0 divided by (1 - beta)^2, which holds for
/// m (1 - beta) >> 1.
[[nodiscard]] double reshuffled_flat_variance(const QuadraticMode& mode);

/// Variance inside a window of T iterations of a free walk with white noise, its mean taken out:
/// alpha^2 C (T^2 - 1) / (6 T). For beta > 0 divided by (1 - beta)^2, which holds for T (1 - beta) >> 1.
[[nodiscard]] double free_walk_window_variance(const QuadraticMode& mode, std::int64_t window);

/// Expectation of the variance that theta has inside a window of T snapshots, each after an iteration, the last one at
/// the end of an epoch; the window's mean is taken out, as PCA does. Exact, for a mode that has become stationary.
/// A mode without a restoring force is given one so weak that it changes the result by less than 1e-6 of itself: with
/// it the limits are alpha^2 C (T^2 - 1)/(6 T) (with-replacement), alpha^2 C (m + 1)/6 (1 - 1/(2E)) over E whole epochs
/// (reshuffle, fixed-partition), alpha^2 C (m + 1)/12 (shuffle-once), for beta = 0.
///
/// with-replacement: the noise is white, <xi(s) xi(t)> = C delta_st.
/// reshuffle: an epoch's noise sums to zero, <xi(s) xi(t)> = C m/(m - 1) (delta_st - 1/m) in one epoch, 0 between two.
/// fixed-partition: the same. The m minibatches g_j stay, sum g_j = 0, and each epoch's order is drawn anew: two
/// different places of one epoch have <xi xi'> = sum_{j != k} g_j g_k/(m (m - 1)) = -C/(m - 1), two epochs
/// <xi><xi'> = 0. C is the mean square of the g_j at hand.
/// shuffle-once: the noise has period m and all of the covariance above between any two epochs; theta is periodic, too.
/// @return infinite where SGD is unstable; 0 for m = 1 where all samples are used each epoch (there is no noise)
/// @pre window >= 1, 0 <= beta < 1. Costs O(window + iterations).
[[nodiscard]] double expected_window_variance(const QuadraticMode& mode, Sampling sampling, std::int64_t window);

}  // namespace flatsweep
