#pragma once

#include "flatsweep/base/error.hpp"
#include "flatsweep/data/image_dataset.hpp"
#include "flatsweep/nn/block_samples.hpp"
#include "flatsweep/nn/network_executor.hpp"
#include "flatsweep/par/communicator.hpp"
#include "flatsweep/train/evaluator.hpp"

#include <Eigen/Core>

#include <span>
#include <string>

namespace flatsweep {

/// Throws SolverError on every rank alike where a full eigensolve could not take a layer's matrix.
inline void check_matrix_size(const Layer& layer, const std::string& what) {
  constexpr std::size_t largest = 32000;
  if (layer.size() <= largest) return;
  throw_error(ErrorKind::solver,
              "the whole " + what + " of layer " + layer.name + " would have " + std::to_string(layer.size()) +
                  " rows; at most 32000 fit; choose a smaller layer",
              true);
}

/// Runs the blocks of samples that are this rank's forward, one after another. Rank-local.
class LayerSamples {
 public:
  LayerSamples(const Communicator& team, const Network& network, std::span<const float> weights, int layer,
               const ImageSet& set)
      : team_(team),
        set_(set),
        weights_(weights),
        executor_(network, matrix_block.of(network.layers[layer]), Direction::forward_and_backward) {}

  /// Calls `block(labels)` after the forward pass of each block.
  void visit(const auto& block) {
    for_each_own_block(team_, set_, executor_.batch(), [&](std::int64_t, auto images, auto labels) {
      executor_.load(images);
      executor_.forward(weights_);
      block(labels);
    });
  }
  NetworkExecutor& executor() { return executor_; }

 private:
  const Communicator& team_;
  const ImageSet& set_;
  std::span<const float> weights_;
  NetworkExecutor executor_;
};

}  // namespace flatsweep
