#include "flatsweep/analysis/predicted_variance.hpp"

#include "flatsweep/analysis/window_covariance.hpp"
#include "flatsweep/base/numbers.hpp"
#include "flatsweep/linalg/to_vector.hpp"

namespace flatsweep {

namespace {

std::int64_t window_of(const FrozenRun& run) { return run.epochs * run.sampler().iterations(); }

/// One without curvature, moved by the run's steps.
QuadraticMode mode_of(const FrozenRun& run, const LinearStep& step) {
  return flat_mode(step, run.sampler().iterations(), epoch_remainder(run.set.count(), run.options.batch_size));
}

}  // namespace

PredictedVariance predict_variance(const FrozenRun& run, std::span<const double> curvature,
                                   std::span<const double> noise) {
  const std::vector<double> unknown(noise.size(), nan);
  PredictedVariance predicted{unknown, unknown, unknown};
  const auto step = run.step();
  if (!step) return predicted;
  const std::int64_t window = window_of(run);
  auto mode = mode_of(run, *step);
  const double decay = run.options.optimizer.weight_decay;  // coupled: a restoring force in every direction
  mode.curvature = decay;
  // Without curvature the window's variance is the same multiple of C in every direction.
  const double flat = expected_window_variance(mode, run.options.sampling, window);
  for (std::size_t i = 0; i < noise.size(); ++i) {
    mode.curvature = curvature[i] + decay;
    predicted.flat[i] = noise[i] * flat;
    predicted.window[i] =
        noise[i] * (mode.curvature > 0.0 ? expected_window_variance(mode, run.options.sampling, window) : flat);
    predicted.stationary[i] = noise[i] * white_noise_variance(mode);
  }
  return predicted;
}

WholePrediction::WholePrediction(const FrozenRun& run, const BasisVectors& hessian, const BasisVectors& noise)
    : vectors_(hessian.vectors) {
  std::vector<double> curvature;
  for (const double h : hessian.eigenvalue) curvature.push_back(h + run.options.optimizer.weight_decay);
  const Eigen::VectorXd strength = Eigen::VectorXd::Map(noise.eigenvalue.data(), std::ssize(noise.eigenvalue));
  const Eigen::MatrixXd overlap = vectors_.transpose() * noise.vectors;
  covariance_ = (overlap * strength.asDiagonal() * overlap.transpose())
                    .cwiseProduct(interpolated_window_covariance(mode_of(run, *run.step()), curvature,
                                                                 run.options.sampling, window_of(run)));
  if (!covariance_.allFinite()) covariance_.setConstant(nan);
}

std::vector<double> WholePrediction::along(const Eigen::MatrixXd& directions) const {
  const Eigen::MatrixXd parts = vectors_.transpose() * directions;
  return to_vector(parts.cwiseProduct(covariance_ * parts).colwise().sum().transpose());
}

}  // namespace flatsweep
