#pragma once

#include <cstddef>

namespace flatsweep {

/// z = X W^T where both factors are stored row by row, as images and weights are: z(s, o) = sum_k x(s, k) w(o, k).
/// The sums run along the contiguous k in vector registers, so that neither factor is ever transposed; on the first
/// layer, whose input is the image itself, this was measured faster than transposing it for a column-major product.
/// @param x (samples, inputs) row-major with leading dimension `ldx`   @param w (outputs, inputs) row-major
/// @param z (>= samples, outputs) column-major with leading dimension `ldz`
void multiply_rows(const float* x, std::size_t ldx, int samples, const float* w, int inputs, int outputs, float* z,
                   std::size_t ldz);

}  // namespace flatsweep
