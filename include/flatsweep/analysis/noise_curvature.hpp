#pragma once

#include "flatsweep/analysis/power_law.hpp"
#include "flatsweep/analysis/psi.hpp"
#include "flatsweep/base/numbers.hpp"

#include <Eigen/Core>

#include <span>
#include <vector>

namespace flatsweep {

/// What the noise of SGD has to do with the curvature of the loss in one layer: C the noise covariance C_B, H the
/// Hessian of the mean loss.
struct NoiseCurvature {
  // Of whole matrices; NaN where they are not formed. Norms are Frobenius norms.
  double commutator = nan;       ///< |CH - HC| / (|C| |H|), 0 where they share all eigenvectors, at most sqrt 2
  double commutator_null = nan;  ///< root mean square of it when one of the two is turned at random
  double alignment = nan;        ///< tr(CH) / (|C| |H|), the cosine between the two matrices
  double alignment_null = nan;   ///< mean of it when one of the two is turned at random

  std::vector<double> noise_along_hessian;  ///< (modes,) u_i^T C u_i, u_i the eigenvectors of H, steepest first
  Exponent hessian_basis;  ///< u_i^T C u_i ~ h_i^exponent over modes of the fit range, h_i the eigenvalues
  Exponent pca_basis;      ///< p_i^T C p_i ~ (p_i^T H p_i)^exponent over directions of the fit range

  /// Mean squared cosine of the angles between the leading k-dimensional subspaces of two matrices: 1 where they are
  /// the same, k/N in the mean for random ones.
  std::vector<int> subspace;  ///< (s,) k
  std::vector<double> noise_hessian, noise_pca, hessian_pca;
  std::vector<double> overlap_null;  ///< (s,) k/N
};

/// Commutator and alignment of two symmetric matrices, and what a random rotation of one of them gives. Serial.
void compare_matrices(const Eigen::MatrixXd& noise, const Eigen::MatrixXd& hessian, NoiseCurvature& relation);

/// noise ~ curvature^exponent over the entries whose number lies in the fit range; entries that are not positive, or
/// where the curvature is below 1e-7 of its largest, are left out.
/// @param number 0-based number of the direction or mode of each entry
[[nodiscard]] Exponent fit_noise(std::span<const int> number, std::span<const double> curvature,
                                 std::span<const double> noise, const PsiOptions& options);

}  // namespace flatsweep
