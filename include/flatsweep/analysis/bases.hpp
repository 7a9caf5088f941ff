#pragma once

#include "flatsweep/analysis/curvature.hpp"
#include "flatsweep/analysis/dynamics_fit.hpp"
#include "flatsweep/analysis/layer_probe.hpp"
#include "flatsweep/analysis/pca.hpp"
#include "flatsweep/analysis/predicted_variance.hpp"
#include "flatsweep/base/enum_words.hpp"

#include <Eigen/Core>

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace flatsweep {

/// Orthonormal directions in one layer's weights along which a window is looked at.
enum class Basis { pca, hessian, noise, random };

template <>
inline constexpr auto enum_words<Basis> = make_enum_words<Basis>({
    {Basis::pca, "pca", "principal directions of the window, which its trajectory chose"},
    {Basis::hessian, "hessian", "eigenvectors of the layer's Hessian of the loss at w_0, largest eigenvalue first"},
    {Basis::noise, "noise", "eigenvectors of C_B, the covariance of a minibatch's gradient at w_0"},
    {Basis::random, "random", "orthonormal directions drawn by the replica's seed"},
});

struct BasisOptions {
  std::int64_t directions = 120;                          ///< how many of each basis; 0 for all
  DirectionChoice spacing = DirectionChoice::log_spaced;  ///< which, when not all
  std::int64_t dense_limit = 5000;  ///< widest layer, in weights, whose matrices are formed and solved whole
  std::int64_t modes = 50;          ///< leading eigenvectors of a wider layer
  double tolerance = 1e-5;          ///< matrix-free: |A v - l v| relative to the largest eigenvalue
};

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
  Exponent variance_curvature;  ///< sigma_i^2 ~ (u_i^T H u_i)^x over the fit range
  Exponent noise_curvature;     ///< u_i^T C_B u_i ~ (u_i^T H u_i)^g
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
