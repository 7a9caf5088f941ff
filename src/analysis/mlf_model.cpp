#include "flatsweep/analysis/mlf_model.hpp"

namespace flatsweep {

MlfPrediction predict(const MlfModel& model) {
  const auto m = model.m_mean.array();
  const double drift_square = model.drift * model.drift;
  Eigen::MatrixXd coupling = model.m_off_diagonal_variance;
  coupling.diagonal().setZero();
  Eigen::VectorXd theta_square = model.theta_variance;  // <theta_j^2>
  theta_square(0) += drift_square;
  const Eigen::VectorXd others = coupling * theta_square, others_without_drift = coupling * model.theta_variance;

  MlfPrediction result;
  result.slope = -model.m_mean(0) * model.drift;
  result.curvature_as_printed =
      m + model.theta_variance.array() * (m.square() + model.m_variance.array()) + others.array();
  result.curvature = result.curvature_as_printed;
  result.curvature(0) += model.m_variance(0) * drift_square;
  result.minimum_variance = model.theta_variance.array() + others.array() / m.square();
  result.minimum_variance_as_printed = model.theta_variance.array() + others_without_drift.array() / m.square();
  return result;
}

}  // namespace flatsweep
