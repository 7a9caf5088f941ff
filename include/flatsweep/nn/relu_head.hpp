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

}  // namespace flatsweep
