#pragma once

#include "flatsweep/analysis/gradient_noise.hpp"
#include "flatsweep/train/trainer.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace flatsweep {

/// All weights right before one iteration of the window, and the minibatches that its epoch has still to draw.
struct FrozenWeights {
  std::vector<float> weights;            ///< (parameters,)
  std::vector<std::uint32_t> remaining;  ///< sample numbers, a whole number of minibatches, at least one
};

/// Trains the window once more and keeps the weights before `count` iterations spread evenly over it. Rank-local.
/// @param trainer at the start of the window   @param sampler of the same run
[[nodiscard]] std::vector<FrozenWeights> freeze_weights(Trainer& trainer, std::int64_t epochs, const Sampler& sampler,
                                                        int count);

/// The mean over the frozen weights of <(g_mu . p_i)^2> over the minibatches that remain, (n,): what <v_i^2> is of
/// without looking at v. A static pass over the whole training set gives less under sampling without replacement, since
/// the samples that its weights saw last in this epoch have smaller gradients there than the ones still to come, which
/// are all that the next step can draw from. With replacement the two agree in the mean.
/// @param frozen read on rank 0 only
/// @return the same on all ranks, for any team size to rounding; NaN when nothing was frozen
/// @note Collective over `team`.  @throws ConfigError where a chosen number is no column's
[[nodiscard]] std::vector<double> window_gradient_square(const Communicator& team, const GradientProblem& problem,
                                                         const std::vector<FrozenWeights>& frozen,
                                                         const Eigen::MatrixXd& directions,
                                                         const std::vector<int>& chosen);

}  // namespace flatsweep
