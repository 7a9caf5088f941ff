#include "flatsweep/nn/pixels.hpp"

#include <cstddef>

namespace flatsweep {

namespace {

// A plain loop over one image, which compilers turn into vector instructions.
void scale_image(const std::uint8_t* __restrict in, int count, float* __restrict out) {
  constexpr float scale = 1.0F / 255.0F;
  for (int i = 0; i < count; ++i) out[i] = static_cast<float>(in[i]) * scale;
}

}  // namespace

void scale_pixels(std::span<const std::uint8_t* const> images, int features, float* out) {
  for (std::size_t i = 0; i < images.size(); ++i)
    scale_image(images[i], features, out + i * static_cast<std::size_t>(features));
}

}  // namespace flatsweep
