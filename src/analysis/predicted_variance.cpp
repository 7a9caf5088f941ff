#include "flatsweep/analysis/predicted_variance.hpp"

#include "flatsweep/analysis/quadratic_sgd.hpp"
#include "flatsweep/base/numbers.hpp"

namespace flatsweep {

PredictedVariance predict_variance(const FrozenRun& run, std::span<const double> curvature,
                                   std::span<const double> noise) {
  const std::vector<double> unknown(noise.size(), nan);
  PredictedVariance predicted{unknown, unknown, unknown};
  const auto step = run.step();
  if (!step) return predicted;
  const std::int64_t iterations = run.sampler().iterations(), window = run.epochs * iterations;
  auto mode = flat_mode(*step, iterations, epoch_remainder(run.set.count(), run.options.batch_size));
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

}  // namespace flatsweep
