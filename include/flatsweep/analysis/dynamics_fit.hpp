#pragma once

#include "flatsweep/analysis/dynamics.hpp"
#include "flatsweep/analysis/psi.hpp"

#include <span>
#include <vector>

namespace flatsweep {

/// What the exponents of one replica and layer are fitted to: one entry per direction of its Dynamics.
struct DynamicsRelation {
  std::vector<int> direction;  ///< 0-based, ascending
  std::vector<double> variance, noise_strength, tau, tau_window;
  std::vector<double> flatness;  ///< F_i, NaN where unbounded or not measured
  double rounding = 0.0;         ///< directions with a variance not above it do not move and enter no fit
};

/// Brings the flatness to the directions of `dynamics`.   @param rounding of the PCA of the same window
[[nodiscard]] DynamicsRelation relate(const Dynamics& dynamics, const std::vector<DirectionFlatness>& flatness,
                                      double rounding = 0.0);

/// sigma^2 ~ F^-psi, D ~ F^-psi_d, tau ~ F^-psi_tau over the same directions: those of the fit range whose F, sigma^2
/// and D are positive and that move. Since tau is defined as sigma^2 / D, psi = psi_d + psi_tau is then algebra of
/// least squares and tests nothing. With the same directions it is the psi of `fit_psi`, from the same variances.
/// tau_window comes from the correlations alone: psi = psi_d + psi_tau_window is a test of eq. S19.
struct DynamicsFit {
  Exponent psi, psi_d, psi_tau;
  Exponent psi_tau_window;  ///< over those of these directions whose tau_window is positive; see its `points`
  int fit_first = 0, fit_last = 0;
};

/// One exponent for each replica (seed), put together by `over_seeds`, as fit_psi does.
[[nodiscard]] DynamicsFit fit_dynamics(std::span<const DynamicsRelation> replicas, const PsiOptions& options);

}  // namespace flatsweep
