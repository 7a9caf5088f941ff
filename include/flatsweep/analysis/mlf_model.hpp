#pragma once

#include <Eigen/Core>

namespace flatsweep {

/// The random-landscape model of the minibatch loss functions (SI S4): for every minibatch mu, near the solution,
///
///     L^mu(theta) = L^mu_min exp[ 1/2 (theta - theta^mu)^T M^mu (theta - theta^mu) ],   L^mu(0) = L_0,
///
/// with independent normal M_ii ~ (M_ii^(0), sigma_M,i^2), M_ij ~ (0, sigma_ij^2) and theta_i ~ (0, sigma_theta,i^2),
/// but theta_1 ~ (theta_1^(0), sigma_theta,1^2). Row 0 is the drift mode i = 1.
struct MlfModel {
  Eigen::VectorXd m_mean;                   ///< (n,) M_ii^(0)
  Eigen::VectorXd m_variance;               ///< (n,) sigma_M,i^2
  Eigen::MatrixXd m_off_diagonal_variance;  ///< (n, n) sigma_ij^2, symmetric; its diagonal is not read
  Eigen::VectorXd theta_variance;           ///< (n,) sigma_theta,i^2
  double drift = 0.0;                       ///< theta_1^(0)
};

/// What the model says of the whole loss L = <L^mu>, ln L = ln L_0 + beta theta_1 + 1/2 sum_i M_ii theta_i^2, and of
/// the minima of the minibatches along single directions (eq. S12). "As printed" is what the SI has; the two differ by
/// terms that it leaves out.
struct MlfPrediction {
  double slope = 0.0;                    ///< beta = -M_11^(0) theta_1^(0)
  Eigen::VectorXd curvature;             ///< M_ii, eq. S10 with sigma_M,1^2 theta_1^(0)^2 in M_11: exact in the model
  Eigen::VectorXd curvature_as_printed;  ///< without it
  /// sigma~_theta,i^2, eq. S13 with sigma_i1^2 theta_1^(0)^2 among the terms of j = 1; to leading order in
  /// sigma_M,i / M_ii^(0)
  Eigen::VectorXd minimum_variance;
  Eigen::VectorXd minimum_variance_as_printed;  ///< without it
};
[[nodiscard]] MlfPrediction predict(const MlfModel& model);

}  // namespace flatsweep
