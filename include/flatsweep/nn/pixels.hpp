#pragma once

#include <cstdint>
#include <span>

namespace flatsweep {

/// Turns images of bytes into floats in [0, 1].
/// @param images  pointers to `features` bytes each
/// @param out     (features, images) column-major: one image after another
void scale_pixels(std::span<const std::uint8_t* const> images, int features, float* out);

}  // namespace flatsweep
