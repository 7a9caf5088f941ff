#pragma once

#include "flatsweep/nn/network.hpp"
#include "flatsweep/nn/padded_rows.hpp"

namespace flatsweep {

/// How many samples go through a network at a time when a whole set does: as many as the caches hold, and fewer of
/// convolutions, whose activations are many. Sums over a set are added block by block, so another number rounds
/// differently.
class BlockSamples {
 public:
  consteval BlockSamples(int fully_connected, int convolutional)
      : fully_connected_(fully_connected), convolutional_(convolutional) {
    if (fully_connected % row_padding != 0 || convolutional % row_padding != 0)
      throw "a block that is no whole number of registers wastes its last one";
  }
  [[nodiscard]] int of(const Network& network) const {
    return network.convolutional() ? convolutional_ : fully_connected_;
  }
  [[nodiscard]] int of(const Layer& layer) const { return layer.convolution ? convolutional_ : fully_connected_; }

 private:
  int fully_connected_, convolutional_;
};

/// Forward passes alone: activations stay in the cache next to the core.
inline constexpr BlockSamples evaluation_block{256, 32};
/// The loss and the gradient of a full batch, whose sums go over to double precision after each block.
inline constexpr BlockSamples full_batch_block{128, 16};
/// Forward and backward, gradients and products of second derivatives.
inline constexpr BlockSamples gradient_block{256, 64};
/// Many steps along a direction: z_0, the response and the activations fit the nearest cache for a layer of 50 units,
/// the second for convolutions.
inline constexpr BlockSamples probe_block{64, 16};
/// Matrices summed over samples: enough for the products' depth, little enough for memory.
inline constexpr BlockSamples matrix_block{384, 32};

}  // namespace flatsweep
