#pragma once

#include "flatsweep/data/image_dataset.hpp"
#include "flatsweep/nn/network.hpp"
#include "flatsweep/par/communicator.hpp"

#include <functional>
#include <span>

namespace flatsweep {

/// How flat the mean loss is around one layer's weights, biases held, in a number that a change of scale leaves alone:
/// ReLU layers with their biases times c, the next layer's weights through c (Petzka et al., NeurIPS 2021, definition
/// 3). A layer may even have a c for each of its units; the layer behind is then no longer the same.
struct RelativeFlatness {
  double value = 0.0;          ///< kappa = sum over outputs s, s' of <w_s, w_s'> tr H_ss'; small where it is flat
  double hessian_trace = 0.0;  ///< tr H = sum over s of tr H_ss
  double weight_square = 0.0;  ///< |w|^2 = sum over s of <w_s, w_s>

  /// |w|^2 tr H; kappa is this over the number of outputs where their weights are orthogonal and equally long.
  [[nodiscard]] double scaled_trace() const { return weight_square * hessian_trace; }
};

/// Relative flatness of one layer: w_s are the weights of its output s (a unit, or a channel of a convolution) and
/// H_ss' is the block of the layer's exact Hessian that belongs to w_s and w_s'. With F_n^T F_n = diag p_n - p_n p_n^T
/// (of the square loss the unit matrix) and J_n the Jacobian of sample n's logits, a row of F_n J_n is a matrix Phi of
/// the shape of W, and kappa = (1/M) sum_n sum_rows tr(Phi^T W W^T Phi). For a fully connected layer that is mean_n
/// |h_n|^2 sum_ss' <w_s, w_s'> B_n,ss' with h_n its input and B_n the Hessian by its outputs; a convolution has the
/// Gram matrix of the patches in place of |h_n|^2. No matrix of the layer's size is formed. Where the layer or one
/// behind it has a curved activation, B_n has the terms of sigma'', and a convolution takes a product with the Hessian
/// for each of its weights.
/// @param weights (parameters,) the same on every rank
/// @param checkpoint called on every rank after each of its blocks, with the share that is done; may throw Stopped
/// @return the same on every rank, and bit for bit the same for any team size
/// @note Collective over `team`; blocks of samples are dealt over its ranks.  @throws Stopped, agreed
[[nodiscard]] RelativeFlatness relative_flatness(const Communicator& team, const Network& network,
                                                 std::span<const float> weights, int layer, const ImageSet& set,
                                                 const std::function<void(double fraction)>& checkpoint = {});

}  // namespace flatsweep
