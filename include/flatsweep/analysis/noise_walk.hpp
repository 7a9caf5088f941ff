#pragma once

#include "flatsweep/analysis/snapshots.hpp"
#include "flatsweep/nn/network.hpp"
#include "flatsweep/train/trainer.hpp"

#include <Eigen/Core>

#include <cstdint>
#include <span>

namespace flatsweep {

/// What a run did in its window, but for its weights, which stay at w_0. References must outlive what is made of it.
struct FrozenRun {
  const Network& network;
  std::span<const float> weights;  ///< w_0, (parameters,)
  int layer = 0;                   ///< the layer whose noise is looked at
  const ImageSet& set;             ///< training set
  TrainerOptions options;
  std::int64_t first_epoch = 0;  ///< epochs done when the window opened
  std::int64_t epochs = 0;

  [[nodiscard]] const Layer& analysed() const { return network.layers[static_cast<std::size_t>(layer)]; }
  [[nodiscard]] Sampler sampler() const { return {options.sampling, set.count(), options.batch_size, options.seed}; }
  /// beta, 0 for plain SGD
  [[nodiscard]] double momentum() const {
    return options.optimizer.kind == OptimizerKind::momentum ? options.optimizer.momentum : 0.0;
  }
};

/// A walk exists where updates are linear in the gradients: SGD with and without momentum. Adam has none.
[[nodiscard]] bool has_noise_walk(OptimizerKind kind);

/// Whether minibatches differ: not where each holds all samples, nor where one is used in every iteration.
[[nodiscard]] bool has_gradient_noise(const FrozenRun& run);

/// Gradient of the layer's weights, averaged in double precision over the samples that the run draws from: the whole
/// set, or, with shuffle-once and fixed-partition, those that fill whole minibatches. Rank-local.
/// @return (N,)
[[nodiscard]] Eigen::VectorXd mean_gradient(const FrozenRun& run);

/// The walk that gradient noise alone makes (science.md section 9): with the minibatches of the run's own sampler,
/// v <- beta v + g_mu(t) - mean gradient, walk <- walk - alpha v, from 0 at rest; one row after every iteration, summed
/// in double precision. Every pass computes all gradients anew and holds a few hundred rows.
/// @param mean (N,), of `mean_gradient`
/// @throws ConfigError for an optimiser without a walk
[[nodiscard]] SnapshotSource noise_walk(const FrozenRun& run, Eigen::VectorXd mean);

}  // namespace flatsweep
