#pragma once

#include <cstdint>
#include <span>

namespace flatsweep {

/// Turns `samples` images of bytes into floats in [0, 1], in the two layouts that the two products of the first layer
/// want, without a transposed copy in between.
/// @param images    pointers to `features` bytes each
/// @param by_feature  (features, samples) column-major with leading dimension `features`: each image contiguous; may be null
/// @param by_sample   (padded rows, features) column-major with leading dimension `ld`; rows past the samples are 0
void scale_pixels(std::span<const std::uint8_t* const> images, int features, float* by_feature, float* by_sample, int ld);

}  // namespace flatsweep
