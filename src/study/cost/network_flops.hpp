#pragma once

#include "cost_shares.hpp"
#include "flatsweep/analysis/flatness.hpp"
#include "flatsweep/nn/network.hpp"

#include <cstdint>

// What the estimates of several stages are put together from, in flops of a small product and in bytes.
namespace flatsweep {

/// ReLU and pooling of one sample at a convolution, whose outputs are many; 0 at other layers.
[[nodiscard]] double pooling_flops(const Layer& layer);

/// One sample's loss once the layer's pre-activations are there.
[[nodiscard]] double evaluation_flops(const Network& network, const Layer& layer);

/// Are the outputs curved, between kinks, as functions of this layer's weights?
[[nodiscard]] bool is_curved(const Network& network, const Layer& layer);

/// One sample's part of a product with a matrix of second derivatives, about two gradients.
[[nodiscard]] double curvature_product_flops(const Network& network);
/// The same for vectors of one layer, where CurvatureOperator keeps what comes before it, and what it keeps then.
[[nodiscard]] double layer_product_flops(const Network& network, const Layer& layer, double samples);
[[nodiscard]] double kept_sample_bytes(const Network& network, double samples);

/// Directions whose responses LayerProbe keeps at a time; 0: none.
[[nodiscard]] double kept_lines(const Layer& layer, double samples);

/// What LayerProbe keeps of all samples.
[[nodiscard]] double probe_bytes(const Network& network, const Layer& layer, double samples);

/// Activations and errors of a minibatch, weights, gradients and the optimiser's state.
[[nodiscard]] double training_bytes(const Network& network, double batch);

/// Directions that are measured; log-spaced ones are fewer than asked for, and counted where they may be.
/// @param count as the configuration has it, 0 for all   @param modes of the PCA
[[nodiscard]] double probed_directions(double modes, std::int64_t count, DirectionChoice choice);

}  // namespace flatsweep
