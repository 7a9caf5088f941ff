#pragma once

#include "flatsweep/nn/padded_rows.hpp"

namespace flatsweep {

/// A block of pre-activations z_0 that move along q, and the layer that reads them.
struct ReluHead {
  const float* preactivation;  ///< z_0, (rows, hidden) column-major
  const float* response;       ///< q, the same shape
  PaddedRows rows;             ///< one for each sample
  int hidden = 0;
  const float* weights;  ///< (classes, hidden) row-major
  const float* bias;     ///< (classes,)
  int classes = 0;
};

/// logits = W max(z_0 + step q, 0) + b in one pass: the hidden activations live in registers only.
/// @param logits (rows, classes) column-major
void relu_head_logits(const ReluHead& head, float step, float* logits);

/// Sum over the first `samples` rows, all of one class c, of the cross-entropy ln(1 + sum_k exp(gap_k)), where gap_k =
/// y_k - y_c of every other class k is what the head puts out: its weights are W_k - W_c and its biases b_k - b_c. The
/// gaps live in registers only. A NaN or a gap that is infinite makes it NaN.
[[nodiscard]] double relu_head_loss(const ReluHead& gaps, float step, int samples);

struct LossDerivatives {
  double first = 0.0, second = 0.0;
};

/// First and second derivative of that sum by the step at 0, exact between kinks. With u_k the rates at which the gaps
/// move, a sample's are sum_k p_k u_k and sum_k p_k u_k^2 - (sum_k p_k u_k)^2.
/// @param probabilities (rows, classes) column-major, p of the other classes at z_0; 0 past the samples
[[nodiscard]] LossDerivatives relu_head_derivatives(const ReluHead& gaps, const float* probabilities);

/// The largest norm of q over the first `samples` rows.
[[nodiscard]] float largest_response(const ReluHead& head, int samples);

}  // namespace flatsweep
