#pragma once

#include "flatsweep/analysis/curvature_operator.hpp"
#include "flatsweep/analysis/dynamics_fit.hpp"
#include "flatsweep/analysis/noise_walk.hpp"
#include "flatsweep/analysis/predicted_variance.hpp"
#include "flatsweep/analysis/psi.hpp"
#include "flatsweep/analysis/snapshots.hpp"

#include <Eigen/Core>

#include <functional>
#include <optional>
#include <vector>

namespace flatsweep {

/// A whole network whose window is looked at along directions in all its weights and biases.
struct NetworkWindowProblem {
  const FrozenRun& run;                   ///< its layer does not matter
  std::optional<MinibatchScheme> scheme;  ///< of the epoch after the window; absent: no noise is known
  bool steps_known = true;                ///< without them nothing is predicted
  const SnapshotSource& window;           ///< of all weights and biases, read on rank 0 only, twice
};

/// What a window and the loss at w_0 look like along eigenvectors u_i of the network's Hessian, (k,) each.
struct NetworkWindow {
  double rounding = 0.0;                    ///< variances that are not above it are rounding
  Dynamics dynamics;                        ///< variance, D_i and both tau; a drift is in them
  std::vector<DirectionFlatness> flatness;  ///< F_i by whole forward passes, without profiles
  std::vector<double> noise;                ///< u_i^T C_B u_i; NaN where minibatches are not known
  PredictedVariance predicted;              ///< exact for a quadratic loss: the u_i are its eigenvectors
  double stationarity = 0.0;                ///< Yaida's r of all weights and biases; NaN but for plain SGD
  PsiFit psi;
  DynamicsFit exponents;
};

/// @param modes (N, k) orthonormal eigenvectors u_i of the Hessian of L at w_0, N all weights and biases
/// @param curvature (k,) its eigenvalues, descending
/// @param fit its crossover and seed; all modes with a positive curvature enter fits
/// @param checkpoint takes the share that is done; may throw Stopped; may be empty
/// @return the same on every rank   @note Collective over `team`.  @throws SolverError, Stopped, agreed
[[nodiscard]] NetworkWindow measure_network_window(const Communicator& team, const NetworkWindowProblem& problem,
                                                   Eigen::MatrixXd modes, const std::vector<double>& curvature,
                                                   const FlatnessOptions& flatness, PsiOptions fit,
                                                   const std::function<void(double fraction)>& checkpoint = {});

}  // namespace flatsweep
