#pragma once

#include "flatsweep/analysis/basis_vectors.hpp"
#include "flatsweep/analysis/dynamics_fit.hpp"
#include "flatsweep/analysis/layer_probe.hpp"
#include "flatsweep/analysis/pca.hpp"
#include "flatsweep/analysis/predicted_variance.hpp"

#include <Eigen/Core>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

namespace flatsweep {

/// One layer of a replica whose bases are measured.
struct BasisProblem {
  const FrozenRun& run;                                  ///< w_0 and, where they are known, the window's steps
  std::optional<MinibatchScheme> scheme;                 ///< of the epoch after the window; absent: no noise is known
  bool steps_known = true;                               ///< without them nothing is predicted
  const SnapshotSource& window;                          ///< read on rank 0 only
  const Pca* pca = nullptr;                              ///< of the window; nullptr: there is no window to look at
  const std::vector<DirectionFlatness>& known_flatness;  ///< along principal directions; where it is not empty, these
                                                         ///< are the ones looked at
  double solution_norm = 0.0;                            ///< of the layer's weights at w_0
  bool velocities_known = true;                          ///< the window has a snapshot after every step
};

/// The vectors of a layer's bases, and where eigenvectors of both the Hessian and the noise span the layer,
/// what follows from the two matrices.
struct LayerBases {
  std::map<Basis, BasisVectors> vectors;
  std::optional<WholePrediction> prediction;
};

/// @param wanted the vectors of which bases are made; without `scheme` there are none of the noise, without `pca` no
/// principal directions
/// @param checkpoint called on every rank between steps; may throw Stopped; may be empty
/// @return the same on every rank, predictions on rank 0 only
/// @note Collective over `team`.  @throws SolverError, Stopped, agreed
[[nodiscard]] LayerBases make_bases(const Communicator& team, const BasisProblem& problem,
                                    const std::vector<Basis>& wanted, const BasisOptions& options,
                                    const std::function<void()>& checkpoint = {});

/// What a window and the loss at w_0 look like along directions u_i of a basis, (n,) each. Without a window all that
/// follows from its snapshots is NaN, and no exponent of it was measured.
struct BasisMeasurement {
  int determined = 0;              ///< see BasisVectors; of the principal directions those that move
  double rounding = 0.0;           ///< variances that are not above it are rounding
  double loss = 0.0;               ///< L_0
  Eigen::MatrixXd vectors;         ///< (N, n) u_i; their signs are such that the window's drift is positive, or the
                                   ///< entry of largest magnitude where there is no window
  std::vector<double> eigenvalue;  ///< of the basis's matrix
  Dynamics dynamics;               ///< directions, variances, D, both tau
  std::vector<DirectionFlatness> flatness;
  double mean_flatness = nan;          ///< geometric mean of F_i over the fit range
  std::vector<double> noise;           ///< u_i^T C_B u_i; NaN where minibatches are not known
  std::vector<double> noise_strength;  ///< D_i that follows from it; NaN for Adam
  PredictedVariance predicted;
  std::vector<double> whole_prediction;  ///< of WholePrediction; empty where there is none
  PsiFit psi;
  DynamicsFit exponents;
  std::vector<double> variance_without_first;  ///< sigma_i^2 - (u_i . p_1)^2 sigma_1^2: without the window's drift
  Exponent psi_without_first;                  ///< of it against F_i
  Exponent variance_curvature;                 ///< sigma_i^2 ~ (u_i^T H u_i)^x over the fit range
  Exponent noise_curvature;                    ///< u_i^T C_B u_i ~ (u_i^T H u_i)^g
};

/// Everything along one basis by the functions that measure it along the principal directions. Exponents are fitted
/// over the directions of the fit range that move and that the matrix fixes.
/// @param bases of the same problem, with this basis   @param probe of the layer at w_0
/// @param fit range of the replica, with the number of principal directions that move
/// @param checkpoint takes the share that is done; may throw Stopped; may be empty
/// @return the same on every rank, `whole_prediction` on rank 0 only
/// @note Collective over `team`.  @throws SolverError, Stopped, agreed
[[nodiscard]] BasisMeasurement measure_basis(const Communicator& team, const BasisProblem& problem,
                                             const LayerBases& bases, Basis basis, LayerProbe& probe,
                                             const BasisOptions& options, const FlatnessOptions& flatness,
                                             const PsiOptions& fit,
                                             const std::function<void(double fraction)>& checkpoint = {});

}  // namespace flatsweep
