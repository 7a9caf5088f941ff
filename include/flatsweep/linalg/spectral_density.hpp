#pragma once

#include "flatsweep/linalg/symmetric_eigen.hpp"

#include <Eigen/Core>

#include <cstdint>

namespace flatsweep {

struct DensityOptions {
  int probes = 8;         ///< random start vectors
  int steps = 100;        ///< products for each
  int points = 500;       ///< of the smoothed curve
  double width = 0.0;     ///< standard deviation of the smoothing Gaussian; 0: 1/200 of the spectrum's range
  std::int64_t seed = 1;  ///< of the probes
};

/// How the eigenvalues of a symmetric operator are distributed, by stochastic Lanczos quadrature (Ubaru, Chen and Saad
/// 2017): the mean over probes of sum_j weight_j delta(l - node_j), which has the right moments up to order 2 steps - 1
/// of each probe. Extreme nodes are extreme eigenvalues, as Lanczos finds them.
struct SpectralDensity {
  Eigen::MatrixXd nodes;    ///< (probes, steps) ascending along a row; fewer steps leave zeros of weight 0 at its end
  Eigen::MatrixXd weights;  ///< (probes, steps) each row adds up to 1
  double width = 0.0;
  Eigen::VectorXd grid;     ///< (points,) eigenvalues, from the least node - 3 widths to the largest + 3 widths
  Eigen::VectorXd density;  ///< (points,) share of eigenvalues per unit of eigenvalue, smoothed

  /// Mean over probes of the moment of this order: an estimate of tr(A^order)/n.
  [[nodiscard]] double moment(int order) const;
};

/// Lanczos with full reorthogonalisation from probes of random signs, probes * steps products in all.
/// @param apply called alike on every rank that calls this; its result must be bitwise the same there
/// @throws SolverError for a product that is not finite, or options that are not positive
[[nodiscard]] SpectralDensity spectral_density(const SymmetricOperator& apply, int n, const DensityOptions& options);

}  // namespace flatsweep
