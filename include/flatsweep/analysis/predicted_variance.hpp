#pragma once

#include "flatsweep/analysis/basis_vectors.hpp"
#include "flatsweep/analysis/noise_walk.hpp"

#include <Eigen/Core>

#include <span>
#include <vector>

namespace flatsweep {

/// What the variance along directions of a quadratic loss is expected to be, (n,) each, from the curvature and the
/// gradient noise along each direction alone. Exact along eigenvectors of the Hessian of a quadratic loss with constant
/// noise; along others where Hessian and noise share their eigenvectors; else there is WholePrediction.
struct PredictedVariance {
  std::vector<double> window;      ///< `expected_window_variance` of the run; the flat limit without positive curvature
  std::vector<double> flat;        ///< the same without curvature
  std::vector<double> stationary;  ///< `white_noise_variance`; infinite without positive curvature
};

/// Weight decay adds to the curvature.
/// @param run its minibatches, steps and the length of its window; its weights do not matter
/// @param curvature (n,) u^T H u; NaN where it is not known   @param noise (n,) u^T C_B u
/// @return all NaN where steps are not linear in the gradients, as Adam's
[[nodiscard]] PredictedVariance predict_variance(const FrozenRun& run, std::span<const double> curvature,
                                                 std::span<const double> noise);

/// What a quadratic loss with all of a layer's Hessian H and noise covariance C predicts of its window, whether or not
/// the two commute: the covariance of `interpolated_window_covariance`. Weight decay adds to H.
class WholePrediction {
 public:
  /// @param run as for `predict_variance`   @param hessian, noise all eigenvectors of H and of C
  /// @pre run.step()
  WholePrediction(const FrozenRun& run, const BasisVectors& hessian, const BasisVectors& noise);

  /// (n,) the variance along directions, (N, n) columns; NaN where SGD is unstable in any mode of H.
  [[nodiscard]] std::vector<double> along(const Eigen::MatrixXd& directions) const;

 private:
  Eigen::MatrixXd vectors_;     ///< (N, N) of H
  Eigen::MatrixXd covariance_;  ///< (N, N) of the window, in H's eigenvectors
};

}  // namespace flatsweep
