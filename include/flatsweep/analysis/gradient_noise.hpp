#pragma once

#include "flatsweep/data/image_dataset.hpp"
#include "flatsweep/data/sampler.hpp"
#include "flatsweep/nn/network.hpp"
#include "flatsweep/par/communicator.hpp"
#include "flatsweep/train/optimizer.hpp"

#include <Eigen/Core>

#include <cstdint>
#include <span>
#include <vector>

namespace flatsweep {

/// Whose minibatch gradients are taken: those of one layer's weights, everything else and the weights themselves held.
struct GradientProblem {
  const Network& network;
  int layer = 0;
  const ImageSet& train;
  int batch_size = 50;
};

/// Moments of g_mu . p_i over minibatches mu at fixed weights, g_mu the gradient of the minibatch's mean loss.
struct ProjectedGradients {
  std::int64_t minibatches = 0;
  std::vector<double> mean;    ///< (n,)
  std::vector<double> square;  ///< (n,) <(g_mu . p_i)^2>

  /// p_i^T C_B p_i, C_B the covariance of minibatch gradients under `sampling`, when the moments come from a whole
  /// epoch of it. Without replacement the epoch's mean is the full gradient itself, so its spread <x^2> - <x>^2 needs
  /// no factor: it has the finite-population factor (M-B)/(M-1) of C_B = S (M-B)/((M-1) B) in it, S the covariance of
  /// single-sample gradients. With replacement, C_B = S/B, the mean is itself a sample's and the spread gets m/(m-1).
  /// Where an epoch under reshuffling leaves samples out its mean scatters, too: the spread gets 1/(1 - r/(m (m + r -
  /// 1))). NaN where the spread is the rounding of single-precision gradients, 1e-12 of <x>^2 or less.
  /// @param remainder r, (M - m B)/B under reshuffling
  [[nodiscard]] std::vector<double> variance(Sampling sampling, double remainder = 0.0) const;
};

/// @param weights (parameters,), the same on all ranks   @param order sample numbers, one minibatch after another
/// @param directions (N, K) orthonormal columns           @param chosen n column numbers
/// @return the same on all ranks, bitwise for any team size (minibatches are dealt over the team in fixed groups)
/// @note Collective over `team`.  @throws ConfigError where a chosen number is no column's
[[nodiscard]] ProjectedGradients project_gradients(const Communicator& team, const GradientProblem& problem,
                                                   std::span<const float> weights, std::span<const std::uint32_t> order,
                                                   const Eigen::MatrixXd& directions, const std::vector<int>& chosen);

/// p_i^T C_B p_i at `weights`, (n,), from one pass over the epoch of minibatches that `sampler` draws as number
/// `epoch`. Collective as above.
[[nodiscard]] std::vector<double> gradient_noise(const Communicator& team, const GradientProblem& problem,
                                                 std::span<const float> weights, Sampling sampling,
                                                 const Sampler& sampler, std::int64_t epoch,
                                                 const Eigen::MatrixXd& directions, const std::vector<int>& chosen);

/// <v^2> per <g^2>, v a step of the weights: alpha^2 (1 + 2 nu (1 + nu) (1 - beta)) / (1 - beta^2) with the numbers of
/// `linear_step`, gradients taken to be white over the 1 / (1 - beta) iterations that the momentum remembers. NaN for
/// Adam, whose step has no such factor.
[[nodiscard]] double velocity_per_gradient(const OptimizerOptions& optimizer);

/// Median of a_i / b_i over the directions from `first` to `last` (0-based, both included) where both are positive; NaN
/// where there is none.
[[nodiscard]] double median_ratio(std::span<const int> direction, std::span<const double> a, std::span<const double> b,
                                  int first, int last);

}  // namespace flatsweep
