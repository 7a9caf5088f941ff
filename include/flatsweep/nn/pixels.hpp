#pragma once

#include "flatsweep/data/image_shape.hpp"
#include "flatsweep/nn/image_rows.hpp"

#include <cstdint>
#include <span>

namespace flatsweep {

/// Turns images of bytes into floats in [0, 1], and takes those of singles as they are.
/// @param images  pointers to `features` numbers each
/// @param out     (features, images) column-major: one image after another
void scale_pixels(std::span<const std::uint8_t* const> images, PixelType numbers, int features, float* out);

/// The same into the order of convolutions, samples fastest.
/// @param images at most layout.batch of them   @param out laid out as `layout`
void spread_pixels(std::span<const std::uint8_t* const> images, PixelType numbers, const ImageRows& layout, float* out);

}  // namespace flatsweep
