#pragma once

#include "flatsweep/analysis/mlf.hpp"
#include "flatsweep/analysis/psi.hpp"
#include "flatsweep/analysis/sample_statistics.hpp"

#include <span>
#include <string>
#include <vector>

namespace flatsweep {

/// Correlation over the minibatches of two quantities, once for every direction or every stored pair.
struct MlfCorrelation {
  std::string name;  ///< "theta_i_m_ii"
  enum class Over { directions, pairs } over = Over::directions;
  std::vector<Correlation> linear;  ///< (n,) or (pairs,)
  std::vector<Correlation> rank;
  /// Share of those whose band excludes 0; 0.05 is what independent variables give.
  double linear_share = 0.0, rank_share = 0.0;
};

/// y_i ~ F_i^exponent over the fit range of directions.
struct MlfScaling {
  Exponent sigma;                ///< standard deviation of theta~_i (SI: about 1)
  Exponent sigma_robust;         ///< the same from the interquartile range
  Exponent sigma_newton_robust;  ///< of the Newton positions, from the interquartile range
  Exponent m_mean;               ///< M_ii^(0) (SI: about -2)
  Exponent product;              ///< (M_ii^(0))^2 sigma~_i^2 (SI: about -2)
  Exponent product_robust;
  Exponent gradient_variance;  ///< Var(d_i ln L^mu), which the product stands for
};

/// Curvatures of ln L along each direction as the ensemble predicts them, beside what they predict; all (n,).
struct MlfClosure {
  /// M_ii^(0) + sigma~^2 ((M_ii^(0))^2 + sigma_M^2): eq. S10 with eq. S13 put in; for i = 1 with sigma_M^2 theta_1^2
  std::vector<double> ensemble;
  std::vector<double> ensemble_robust;      ///< the same with the robust sigma~
  std::vector<double> ensemble_as_printed;  ///< without sigma_M^2 theta_1^2 for i = 1
  std::vector<double> gradient;             ///< M_ii^(0) + Var(d_i ln L^mu), which equals S10 in the model
  std::vector<double> weighted;             ///< MlfSamples::mean_loss_curvature, exact
  std::vector<double> measured;             ///< MlfDirections::curvature
  std::vector<double> flatness;             ///< 8/F_i^2
};

/// Medians over the fit range of each, divided by 8/F_i^2.
struct MlfClosureRatios {
  double ensemble, ensemble_robust, ensemble_as_printed, gradient, weighted, measured;
};

struct MlfSummary {
  std::vector<SampleMoments> theta, theta_newton, m_diagonal, gradient;  ///< (n,)
  std::vector<SampleMoments> m_off_diagonal;                             ///< (pairs,)
  double drift = 0.0;  ///< theta_1^(0), mean minimum along direction 1; NaN where that was left out
  std::vector<MlfCorrelation> correlations;
  MlfScaling scaling;
  MlfClosure closure;
  MlfClosureRatios ratios{};
};

/// Statistics of the samples, their scaling with F_i, and how well the random-landscape model closes. Without measured
/// minima what needs them is NaN. Serial, deterministic.
[[nodiscard]] MlfSummary summarise(const MlfSamples& samples, const MlfDirections& along, const PsiOptions& fit);

}  // namespace flatsweep
