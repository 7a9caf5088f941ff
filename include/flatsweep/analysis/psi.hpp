#pragma once

#include "flatsweep/analysis/power_law.hpp"

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace flatsweep {

struct DirectionFlatness;
struct Pca;

/// What the variance-flatness relation of one replica and layer is fitted to: one entry per probed direction.
struct VarianceFlatness {
  std::vector<int> direction;          ///< 0-based, ascending
  std::vector<double> variance;        ///< sigma_i^2
  std::vector<double> flatness;        ///< F_i, NaN where unbounded
  std::vector<double> loss_curvature;  ///< p_i^T H p_i
  double rounding = 0.0;               ///< directions with a variance not above it do not move and enter no fit
};

/// Brings the variances to the probed directions.   @param pca of the window that led to where they were probed
[[nodiscard]] VarianceFlatness relate(std::span<const DirectionFlatness> flatness, const Pca& pca);

struct PsiOptions {
  int fit_first = 1;  ///< 0-based direction numbers, both ends included
  int fit_last = 499;
  double crossover = 0.0;                        ///< lambda_x; NaN where there is none: the two sides are not fitted
  std::int64_t seed = 1;                         ///< of the replica
  int moving = std::numeric_limits<int>::max();  ///< so many leading principal directions move; no fit goes further

  [[nodiscard]] bool takes(int direction) const {
    return direction >= fit_first && direction <= fit_last && direction < moving;
  }
};

/// sigma_i^2 ~ F_i^-psi, fitted over the whole range and on either side of the crossover curvature
/// (docs/science/nulls.md).
struct PsiFit {
  Exponent all;
  Exponent below;  ///< directions flatter than the crossover: p^T H p < lambda_x
  Exponent above;
  double crossover = 0.0;
  int fit_first = 0, fit_last = 0;
};

/// One exponent for each replica (seed), put together by `over_seeds`.
[[nodiscard]] PsiFit fit_psi(std::span<const VarianceFlatness> replicas, const PsiOptions& options);

/// How well the law with exponent `psi` predicts flatness from variance: root mean square over the fit range of
/// ln F - ln F_predicted, F_predicted = c sigma^(-2/psi) with the best c. NaN with fewer than two directions.
[[nodiscard]] double flatness_prediction_error(const VarianceFlatness& replica, const PsiOptions& options, double psi);

}  // namespace flatsweep
