#pragma once

#include "flatsweep/nn/image_rows.hpp"

#include <cstdint>
#include <span>

namespace flatsweep {

/// Turns images of bytes into floats in [0, 1].
/// @param images  pointers to `features` bytes each
/// @param out     (features, images) column-major: one image after another
void scale_pixels(std::span<const std::uint8_t* const> images, int features, float* out);

/// The same into the order of convolutions, samples fastest.
/// @param images at most layout.batch of them   @param out laid out as `layout`
void spread_pixels(std::span<const std::uint8_t* const> images, const ImageRows& layout, float* out);

}  // namespace flatsweep
