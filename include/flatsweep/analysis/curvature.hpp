#pragma once

#include "flatsweep/analysis/curvature_operator.hpp"
#include "flatsweep/analysis/flatness.hpp"
#include "flatsweep/analysis/noise_curvature.hpp"
#include "flatsweep/analysis/psi.hpp"
#include "flatsweep/data/image_dataset.hpp"
#include "flatsweep/nn/network.hpp"
#include "flatsweep/par/communicator.hpp"

#include <Eigen/Core>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace flatsweep {

struct CurvatureOptions {
  std::int64_t dense_limit = 5000;   ///< widest layer, in weights, whose matrices are formed and solved whole
  std::int64_t modes = 50;           ///< leading modes of a wider layer; also the largest subspace compared
  double tolerance = 1e-5;           ///< matrix-free: |A v - l v| relative to the largest eigenvalue
  std::int64_t trace_products = 90;  ///< matrix-free: products that a trace takes
  bool squared_hessian = false;      ///< E[h^2] too, where matrices are formed
};

/// Eigenvalues of one matrix.
struct MatrixSpectrum {
  std::vector<double> values;     ///< descending: all N, or the leading modes; NaN behind those that converged
  std::vector<double> residuals;  ///< |A v - l v| of each where found matrix-free, else empty
  double trace = 0.0;
  double trace_error = 0.0;  ///< standard error where the trace is estimated, else 0
};

/// E[h^2], the mean of the squared Hessians of single samples, which the noise of SGD is made of where samples'
/// gradients at a minimum come from minima that scatter (Zhang, Yang & Tu, arXiv 2602.05600), beside H and C_B.
struct SquaredHessian {
  MatrixSpectrum spectrum;
  NoiseCurvature beside_noise;        ///< commutator and alignment with C_B, and their nulls; else empty
  NoiseCurvature beside_hessian;      ///< the same with H
  std::vector<double> along_hessian;  ///< (modes,) u_i^T E[h^2] u_i, u_i the eigenvectors of H, steepest first
  Exponent curvature_exponent;        ///< u_i^T E[h^2] u_i ~ h_i^x over modes of the fit range
  Exponent noise_exponent;            ///< u_i^T C_B u_i ~ (u_i^T E[h^2] u_i)^g over modes of the fit range
};

/// Second-order quantities of one layer's weights at w_0, everything else held (SI S3). Between kinks
/// the logits are linear in one layer's weights, so that the Hessian is the layer's Gauss-Newton matrix and true Fisher
/// matrix too.
struct LayerCurvature {
  std::int64_t size = 0;  ///< N
  bool dense = true;      ///< all eigenvalues of matrices that were formed; else leading modes, matrix-free
  double loss = 0.0;      ///< L_0
  double gradient_norm = 0.0;

  MatrixSpectrum hessian;
  MatrixSpectrum log_loss_hessian;         ///< H/L_0 - g g^T/L_0^2
  MatrixSpectrum empirical_fisher;         ///< (1/M) sum_n g_n g_n^T
  MatrixSpectrum minibatch_second_moment;  ///< Q Q^T/N_m over the minibatches of one epoch (eq. S20)
  MatrixSpectrum noise_covariance;         ///< C_B of the run's batch size and sampling

  // Along principal directions, one entry for each that was chosen.
  std::vector<int> direction;              ///< (n,) 0-based
  std::vector<double> hessian_along;       ///< p^T H p
  std::vector<double> log_loss_along;      ///< p^T H_lnL p
  std::vector<double> noise_along;         ///< p^T C_B p
  std::vector<double> hessian_residual;    ///< |H p - (p^T H p) p|, 0 where p is an eigenvector
  std::vector<double> flatness;            ///< F_i, NaN where unbounded or not measured
  std::vector<double> flatness_curvature;  ///< 8/F_i^2

  NoiseCurvature relation;
  std::optional<SquaredHessian> squared;  ///< where it was asked for and matrices are formed
};

/// Where a layer's curvature is measured.
struct CurvatureProblem {
  const Network& network;
  std::span<const float> weights;  ///< w_0, all of them, the same on every rank
  int layer = 0;
  const ImageSet& set;
  /// Of the run; `order` an epoch's, as Sampler::order gives it. Where it is not known, what it takes stays empty.
  std::optional<MinibatchScheme> scheme;
};

/// @param directions (N, K) orthonormal columns p_i   @param chosen column numbers, ascending
/// @param flatness F_i of any directions            @param fit range of directions and modes for the exponents, seed
/// @param checkpoint called on every rank between steps; may throw Stopped
/// @return the same on every rank, equal for any team size to rounding
/// @note Collective over `team`.  @throws SolverError, Stopped, agreed
/// @throws ConfigError where a chosen number is no column's
[[nodiscard]] LayerCurvature measure_curvature(const Communicator& team, const CurvatureProblem& problem,
                                               const Eigen::MatrixXd& directions, const std::vector<int>& chosen,
                                               std::span<const DirectionFlatness> flatness,
                                               const CurvatureOptions& options, const PsiOptions& fit,
                                               const std::function<void(double fraction)>& checkpoint = {});

}  // namespace flatsweep
