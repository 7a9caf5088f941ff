#pragma once

#include "flatsweep/analysis/minibatch_gradients.hpp"
#include "flatsweep/analysis/noise_walk.hpp"
#include "flatsweep/nn/matrix_product.hpp"

#include <Eigen/Core>

#include <optional>
#include <span>

namespace flatsweep {

/// Gradients of minibatches by the analysed layer's weights, of a run whose weights do not move. Behind other layers
/// the input h_n of a fully connected layer and the error b_n of its pre-activations are then the same in every
/// minibatch that has sample n: both are kept, and a gradient is (1/B) sum_n h_n b_n^T. Elsewhere, and where they would
/// take more than 256 MiB, every gradient goes through the whole network. Rank-local; the run must outlive it.
class FrozenGradients {
 public:
  explicit FrozenGradients(const FrozenRun& run);
  /// As MinibatchGradients::for_each_block, in minibatches of the run's size.
  void for_each_block(std::span<const std::uint32_t> order, const SnapshotVisitor& visit);

 private:
  void keep_samples(const FrozenRun& run);
  void gradient_of(std::span<const std::uint32_t> samples, float* gradient);

  std::optional<MinibatchGradients> whole_;  // where samples are not kept
  Eigen::MatrixXf inputs_, errors_;          // (inputs or outputs, samples), errors divided by B
  Eigen::MatrixXf own_inputs_, own_errors_;  // of one minibatch
  MatrixProduct product_;
};

}  // namespace flatsweep
