#pragma once

#include "flatsweep/analysis/basis.hpp"
#include "flatsweep/analysis/curvature.hpp"
#include "flatsweep/analysis/dynamics_fit.hpp"
#include "flatsweep/analysis/layer_probe.hpp"
#include "flatsweep/analysis/pca.hpp"
#include "flatsweep/analysis/predicted_variance.hpp"

#include <Eigen/Core>

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace flatsweep {

/// A basis of one layer's weights, or its leading vectors.
struct BasisVectors {
  std::vector<double> eigenvalue;  ///< (K,) of its matrix, descending; NaN for random directions
  Eigen::MatrixXd vectors;         ///< (N, K) orthonormal columns
  int determined = 0;              ///< leading vectors that the matrix fixes; those of its null space are arbitrary
};

/// Eigenvectors of the layer's Hessian; of the leading ones alone where the layer is wider than the limit.
/// @param checkpoint called on every rank between steps; may throw Stopped; may be empty
/// @return bitwise the same on every rank   @note Collective over `team`.  @throws SolverError, Stopped, agreed
[[nodiscard]] BasisVectors hessian_basis(const Communicator& team, const CurvatureProblem& problem,
                                         const BasisOptions& options, const std::function<void()>& checkpoint = {});
/// The same of C_B.   @pre problem.scheme
[[nodiscard]] BasisVectors noise_basis(const Communicator& team, const CurvatureProblem& problem,
                                       const BasisOptions& options, const std::function<void()>& checkpoint = {});
/// Uniformly distributed (Haar).   @param layer number of the layer, whose directions are its own
[[nodiscard]] BasisVectors random_basis(std::int64_t size, std::int64_t count, std::int64_t seed, int layer);

/// One layer of a replica whose bases are measured.
struct BasisProblem {
  const FrozenRun& run;                                  ///< w_0 and, where they are known, the window's steps
  std::optional<MinibatchScheme> scheme;                 ///< of the epoch after the window; absent: no noise is known
  bool steps_known = true;                               ///< without them nothing is predicted
  const SnapshotSource& window;                          ///< read on rank 0 only
  const Pca& pca;                                        ///< of the window
  const std::vector<DirectionFlatness>& known_flatness;  ///< along principal directions; where it is not empty, these
                                                         ///< are the ones looked at
  double solution_norm = 0.0;                            ///< of the layer's weights at w_0
};

/// What a window and the loss at w_0 look like along directions u_i of a basis, (n,) each.
struct BasisMeasurement {
  int determined = 0;              ///< see BasisVectors; of the principal directions those that move
  double rounding = 0.0;           ///< variances that are not above it are rounding
  double loss = 0.0;               ///< L_0
  Eigen::MatrixXd vectors;         ///< (N, n) u_i; their signs are such that the window's drift is positive
  std::vector<double> eigenvalue;  ///< of the basis's matrix
  Dynamics dynamics;               ///< directions, variances, D, both tau
  std::vector<DirectionFlatness> flatness;
  std::vector<double> noise;           ///< u_i^T C_B u_i; NaN where minibatches are not known
  std::vector<double> noise_strength;  ///< D_i that follows from it; NaN for Adam
  PredictedVariance predicted;
  PsiFit psi;
  DynamicsFit exponents;
  std::vector<double> variance_without_first;  ///< sigma_i^2 - (u_i . p_1)^2 sigma_1^2: without the window's drift
  Exponent psi_without_first;                  ///< of it against F_i
  Exponent variance_curvature;                 ///< sigma_i^2 ~ (u_i^T H u_i)^x over the fit range
  Exponent noise_curvature;                    ///< u_i^T C_B u_i ~ (u_i^T H u_i)^g
};

/// Everything along one basis by the functions that measure it along the principal directions. Exponents are fitted
/// over the directions of the fit range that move and that the matrix fixes.
/// @param probe of the layer at w_0   @param fit range of the replica, with the number of principal directions that
/// move @param checkpoint takes the share that is done; may throw Stopped; may be empty
/// @return the same on every rank   @note Collective over `team`.  @throws SolverError, Stopped, agreed
[[nodiscard]] BasisMeasurement measure_basis(const Communicator& team, const BasisProblem& problem, Basis basis,
                                             LayerProbe& probe, const BasisOptions& options,
                                             const FlatnessOptions& flatness, const PsiOptions& fit,
                                             const std::function<void(double fraction)>& checkpoint = {});

}  // namespace flatsweep
