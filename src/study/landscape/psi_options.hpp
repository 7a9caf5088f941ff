#pragma once

#include "flatsweep/analysis/psi.hpp"
#include "flatsweep/analysis/quadratic_sgd.hpp"
#include "flatsweep/base/numbers.hpp"
#include "flatsweep/study/grid/grid.hpp"

namespace flatsweep {

/// lambda_x of one replica, the curvature of the loss without weight decay's part; NaN where none is known, as for
/// Adam, whose steps are not linear in the gradients, where the learning rate changes within the window, and for
/// networks made elsewhere by steps that nobody recorded.
/// @param samples M, of the data set
[[nodiscard]] inline double crossover_of(const Config& config, const Replica& replica, std::int64_t samples) {
  if (config.study == Study::models && config.model.training != TrainingKnown::window) return nan;
  const auto options = replica.options_in_window(config);
  const auto step = options ? linear_step(options->optimizer) : std::nullopt;
  if (!step) return nan;
  samples = replica.training_samples(samples);
  const std::int64_t iterations = samples / replica.batch_size;
  const auto mode = flat_mode(*step, iterations, epoch_remainder(samples, replica.batch_size));
  return crossover_curvature(mode, replica.sampling, config.window.epochs * iterations) - replica.weight_decay;
}

/// Fit range (0-based) and crossover of one replica.  @param samples M, of the data set
[[nodiscard]] inline PsiOptions psi_options(const Config& config, const Replica& replica, std::int64_t samples) {
  return {static_cast<int>(config.flatness.fit_first) - 1, static_cast<int>(config.flatness.fit_last) - 1,
          crossover_of(config, replica, samples), replica.seed};
}

}  // namespace flatsweep
