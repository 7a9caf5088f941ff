#pragma once

#include <Eigen/Core>

#include <cstdint>

namespace flatsweep {

/// Where the variances of white noise lie: T independent snapshots of N independent weights.
struct VarianceBand {
  double low = 0.0;
  double high = 0.0;
};

/// Edges of the Marchenko-Pastur law, s^2 (1 -+ sqrt(N/T))^2, s^2 = total variance / N: the variances of a PCA of noise
/// that is white in time and over weights. Where N > T, of the T - 1 that are not zero.
/// @pre size, iterations >= 1
[[nodiscard]] VarianceBand white_noise_band(double total_variance, std::int64_t size, std::int64_t iterations);

/// The ordered spectrum that such noise has for large N and T: quantiles (i - 1/2)/count of the law, i = 1..count,
/// count = min(N, T - 1), scaled to sum to `total_variance`; zeros behind them.
/// @return (N,) descending
[[nodiscard]] Eigen::VectorXd white_noise_spectrum(double total_variance, std::int64_t size, std::int64_t iterations);

}  // namespace flatsweep
