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
};

/// Brings the flatness to the directions of `dynamics`.
[[nodiscard]] DynamicsRelation relate(const Dynamics& dynamics, const std::vector<DirectionFlatness>& flatness);

/// sigma^2 ~ F^-psi, D ~ F^-psi_d, tau ~ F^-psi_tau over the same directions: those of the fit range whose F, sigma^2
/// and D are positive. Since tau is defined as sigma^2 / D, psi = psi_d + psi_tau is then algebra of least squares and
/// tests nothing. tau_window comes from the correlations alone: psi = psi_d + psi_tau_window is a test of eq. S19.
struct DynamicsFit {
  Exponent psi, psi_d, psi_tau;
  Exponent psi_tau_window;  ///< over those of these directions whose tau_window is positive; see its `points`
  int fit_first = 0, fit_last = 0;
};

/// Replicas (seeds) are pooled and the bootstrap draws the same for all four exponents, as fit_psi does.
[[nodiscard]] DynamicsFit fit_dynamics(std::span<const DynamicsRelation> replicas, const PsiOptions& options);

}  // namespace flatsweep
