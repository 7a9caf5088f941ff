#pragma once

#include <span>
#include <vector>

namespace flatsweep {

/// What a sample of one random variable looks like. Values that are not finite are left out.
struct SampleMoments {
  int count = 0;          ///< finite values
  double mean = 0.0;      ///< NaN, as all below, with fewer than two values
  double variance = 0.0;  ///< mean square deviation, 1/count
  double skewness = 0.0;
  double excess_kurtosis = 0.0;  ///< 0 for a normal distribution
  double robust_sigma = 0.0;  ///< interquartile range / 1.349: sigma of a normal distribution, whatever its tails hold
  /// Kolmogorov-Smirnov distance to the normal distribution of the same mean and variance. For normal samples it
  /// exceeds 0.886/sqrt(count) once in twenty (Lilliefors).
  double normal_distance = 0.0;
};
[[nodiscard]] SampleMoments sample_moments(std::span<const double> values);

/// A correlation coefficient with its 95 % band by Fisher's z; NaN with fewer than four pairs or no spread.
struct Correlation {
  double value = 0.0;
  double low = 0.0;
  double high = 0.0;
  [[nodiscard]] bool excludes_zero() const { return low > 0.0 || high < 0.0; }
};
/// Linear correlation of the pairs (x_k, y_k) whose values are both finite.
[[nodiscard]] Correlation pearson(std::span<const double> x, std::span<const double> y);
/// The same of their ranks (means of ranks where values tie); the band has the standard error of z by Bonett and
/// Wright (2000), sqrt((1 + r^2/2)/(n - 3)).
[[nodiscard]] Correlation spearman(std::span<const double> x, std::span<const double> y);

/// Ranks from 0; equal values share the mean of theirs.
[[nodiscard]] std::vector<double> ranks_of(std::span<const double> values);

/// Of the values that are positive and finite; NaN when there is none.
[[nodiscard]] double geometric_mean(std::span<const double> values);

/// The quantile `level` (0 to 1) of the finite values, linear between them; NaN when there is none.
[[nodiscard]] double quantile(std::span<const double> values, double level);

}  // namespace flatsweep
