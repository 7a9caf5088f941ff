#pragma once

#include "flatsweep/linalg/second_moment.hpp"
#include "flatsweep/nn/network_executor.hpp"
#include "flatsweep/train/evaluator.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace flatsweep {

/// What one layer receives for every image of a set while the layers before it are held: computed once, then loaded a
/// minibatch at a time. For the first layer these are the images themselves. The set must outlive it.
class LayerInputs {
 public:
  LayerInputs(const Network& network, std::span<const float> weights, int layer, const ImageSet& set);

  [[nodiscard]] int layer() const { return layer_; }
  [[nodiscard]] const ImageSet& set() const { return set_; }
  /// Leaves the inputs of these samples in the executor, ready for `forward(weights, layer())`; as
  /// `NetworkExecutor::load` demands as many as its batch when a backward pass follows.
  void load(NetworkExecutor& executor, std::span<const std::uint32_t> samples) const;

 private:
  Layer description_;
  int layer_;
  const ImageSet& set_;
  RowMatrixF values_;  // (count, features); empty for the first layer
};

/// Loss and error over the whole set, in blocks of the executor's batch.
[[nodiscard]] Evaluation evaluate(NetworkExecutor& executor, std::span<const float> weights, const LayerInputs& inputs);

}  // namespace flatsweep
