#pragma once

#include "flatsweep/analysis/snapshots.hpp"
#include "flatsweep/data/minibatch.hpp"
#include "flatsweep/nn/network_executor.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace flatsweep {

/// Gradients by one layer's weights or another block of parameters, each of the mean loss over one minibatch, all taken
/// at the same weights w_0: what the noise of SGD is at w_0, with nothing moving. Rank-local.
class MinibatchGradients {
 public:
  MinibatchGradients(const Network& network, std::span<const float> weights, int layer, const ImageSet& set,
                     int batch_size);
  /// Of any block of parameters, for example all of them, {0, parameters}.
  MinibatchGradients(const Network& network, std::span<const float> weights, ParameterBlock block, const ImageSet& set,
                     int batch_size);

  /// @param order sample numbers, one minibatch after another, as Sampler::order gives them; a whole number of
  /// minibatches
  /// @param visit gets blocks of rows, one minibatch a row, in order: (rows, N), N the size of the block
  void for_each_block(std::span<const std::uint32_t> order, const SnapshotVisitor& visit);

 private:
  void gradient_of(std::span<const std::uint32_t> samples);

  Network network_;
  std::vector<float> weights_;
  ParameterBlock block_;
  int first_layer_;  // of the block; gradients of those before it are not computed
  Minibatch minibatch_;
  NetworkExecutor executor_;
  std::vector<float> gradient_;
};

}  // namespace flatsweep
