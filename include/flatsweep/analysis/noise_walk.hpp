#pragma once

#include "flatsweep/analysis/snapshots.hpp"
#include "flatsweep/nn/network.hpp"
#include "flatsweep/train/trainer.hpp"

#include <Eigen/Core>

#include <cstdint>
#include <optional>
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

  [[nodiscard]] const Layer& analysed() const { return network.layers[layer]; }
  [[nodiscard]] Sampler sampler() const { return {options.sampling, set.count(), options.batch_size, options.seed}; }
  /// Noise makes a walk where steps are linear in the gradients: not with Adam.
  [[nodiscard]] std::optional<LinearStep> step() const { return linear_step(options.optimizer); }
};

/// Whether minibatches differ: not where each holds all samples, nor where one is used in every iteration.
[[nodiscard]] bool has_gradient_noise(const FrozenRun& run);

/// Gradient of the layer's weights, averaged in double precision over the samples that the run draws from: the whole
/// set, or, with shuffle-once and fixed-partition, those that fill whole minibatches. Rank-local.
/// @return (N,)
[[nodiscard]] Eigen::VectorXd mean_gradient(const FrozenRun& run);

/// The walk that gradient noise alone makes (docs/science/nulls.md): with the minibatches of the run's own sampler,
/// steps of the run's optimiser along g_mu(t) - mean gradient, from 0 at rest; one row after every iteration, summed
/// in double precision. Every pass computes all gradients anew and holds a few hundred rows.
/// @param mean (N,), of `mean_gradient`
/// @throws ConfigError for an optimiser without a walk
[[nodiscard]] SnapshotSource noise_walk(const FrozenRun& run, Eigen::VectorXd mean);

}  // namespace flatsweep
