#pragma once

#include "flatsweep/data/sampler.hpp"
#include "flatsweep/train/optimizer.hpp"

#include <cstdint>

namespace flatsweep {

/// SGD along one direction of a quadratic loss: v(t+1) = beta v(t) + lambda theta(t) + xi(t),
/// theta(t+1) = theta(t) - alpha (v(t+1) + nu (v(t+1) - v(t))), xi the noise of the minibatch gradient.
struct QuadraticMode {
  double curvature = 0.0;       ///< lambda; 0, less or NaN: no restoring force
  double noise_variance = 0.0;  ///< C, variance of the minibatch gradient along the mode
  double learning_rate = 0.1;   ///< alpha
  double momentum = 0.0;        ///< beta
  std::int64_t iterations = 1;  ///< m, of an epoch
  double remainder = 0.0;       ///< (M - m B)/B: what an epoch of the M samples leaves out, in minibatches
  double lookahead = 0.0;       ///< nu: beta for Nesterov's momentum, else 0

  [[nodiscard]] LinearStep step() const { return {learning_rate, momentum, lookahead}; }
};

/// A mode without curvature and with noise of variance 1, moved by such steps.
[[nodiscard]] QuadraticMode flat_mode(const LinearStep& step, std::int64_t iterations, double remainder);

/// (M - m B)/B, m = floor(M/B).
[[nodiscard]] double epoch_remainder(std::int64_t samples, std::int64_t batch_size);

/// alpha lambda (1 + 2 nu) < 2 (1 + beta). Not with a curvature of NaN.
[[nodiscard]] bool is_stable(const QuadraticMode& mode);

/// Stationary variance under white noise, for nu = 0
/// alpha C (1 + beta) / ((1 - beta) lambda (2 (1 + beta) - alpha lambda)); infinite without a restoring force and where
/// SGD is unstable.
[[nodiscard]] double white_noise_variance(const QuadraticMode& mode);

/// Variance along flat directions under reshuffling, about the position at the epochs' ends: alpha^2 C (m + 1) / 6, the
/// mean of alpha^2 C j (m - j) / (m - 1) over j = 1..m. For beta > 0 divided by (1 - beta)^2, which holds for
/// m (1 - beta) >> 1. NaN with a remainder: epochs then do not sum to zero, and the variance grows without end.
[[nodiscard]] double reshuffled_flat_variance(const QuadraticMode& mode);

/// Variance inside a window of T iterations of a free walk with white noise, its mean taken out:
/// alpha^2 C (T^2 - 1) / (6 T). For beta > 0 divided by (1 - beta)^2, which holds for T (1 - beta) >> 1.
[[nodiscard]] double free_walk_window_variance(const QuadraticMode& mode, std::int64_t window);

/// The curvature at which the variance along a flat direction meets the stationary variance of white noise, for long
/// epochs and windows: below it the order of the minibatches or the window's length sets the variance, above it the
/// restoring force.
///   reshuffle, fixed-partition  3 (1 - beta)/(alpha m)
///   shuffle-once                6 (1 - beta)/(alpha m)
///   with-replacement            3 (1 - beta)/(alpha T)
/// @param mode its curvature and noise do not matter   @param window T
/// @return NaN where there is none: an epoch of one minibatch makes no noise unless it is drawn with replacement or
/// others are left out each time, and with reshuffle and a remainder the flat variance has no plateau
[[nodiscard]] double crossover_curvature(const QuadraticMode& mode, Sampling sampling, std::int64_t window);

/// Expectation of the variance that theta has inside a window of T snapshots, each after an iteration, the last one at
/// the end of an epoch; the window's mean is taken out, as PCA does. Exact, for a mode that has become stationary.
/// A mode without a restoring force is given one so weak that it changes the result by less than 1e-6 of itself: with
/// it the limits are alpha^2 C (T^2 - 1)/(6 T) (with-replacement), alpha^2 C (m + 1)/6 (1 - 1/(2E)) over E whole epochs
/// (fixed-partition, and reshuffle without a remainder), alpha^2 C (m + 1)/12 (shuffle-once), for beta = 0.
///
/// with-replacement: the noise is white, <xi(s) xi(t)> = C delta_st.
/// reshuffle: two minibatches of one epoch have no sample in common, <xi(s) xi(t)> = -C B/(M - B), those of two epochs
/// are independent. Without a remainder this is -C/(m - 1), and an epoch's noise sums to zero. With one, other samples
/// are left out each time, and the sums of the epochs, of variance C m r/(m - 1 + r) with r the remainder, make a walk.
/// fixed-partition: -C/(m - 1) whatever the remainder, which is never used. The m minibatches g_j stay, sum g_j = 0
/// about the mean of the samples in use, and each epoch's order is drawn anew: two different places of one epoch have
/// <xi xi'> = sum_{j != k} g_j g_k/(m (m - 1)) = -C/(m - 1), two epochs <xi><xi'> = 0. C is the mean square of the g_j
/// at hand.
/// shuffle-once: the noise has period m and all of that covariance between any two epochs; theta is periodic, too.
/// @return infinite where SGD is unstable; 0 for m = 1 where the same samples are used each epoch (there is no noise)
/// @pre window >= 1, 0 <= beta < 1. Costs O(window + iterations).
[[nodiscard]] double expected_window_variance(const QuadraticMode& mode, Sampling sampling, std::int64_t window);

}  // namespace flatsweep
