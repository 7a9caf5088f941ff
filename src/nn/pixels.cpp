#include "flatsweep/nn/pixels.hpp"

#include "flatsweep/nn/vector_transpose.hpp"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstring>

namespace flatsweep {

namespace {

constexpr float scale = 1.0F / 255.0F;

// A plain loop over one image, which compilers turn into vector instructions.
void scale_image(const std::uint8_t* __restrict in, int count, float* __restrict out) {
  for (int i = 0; i < count; ++i) out[i] = in[i] * scale;
}

Vector load_pixels(const std::uint8_t* from) { return __builtin_convertvector(load_bytes(from), Vector) * scale; }

/// A square of neighbouring pixels of as many images, transposed on the way.
void spread_tile(const std::uint8_t* const* images, std::size_t pixel, float* out, std::size_t batch) {
  Vector tile[vector_lanes];
  for (int s = 0; s < vector_lanes; ++s) tile[s] = load_pixels(images[s] + pixel);
  transpose(tile);
  for (std::size_t p = 0; p < vector_lanes; ++p) store_vector(out + p * batch, tile[p]);
}

void spread_singles(std::span<const std::uint8_t* const> images, const ImageRows& layout, float* out) {
  for (std::size_t s = 0; s < images.size(); ++s) {
    const std::uint8_t* from = images[s];
    for (int c = 0; c < layout.channels; ++c)
      for (int y = 0; y < layout.height; ++y)
        for (int x = 0; x < layout.width; ++x, from += sizeof(float))
          std::memcpy(out + layout.at(c, y) + x * layout.batch + s, from, sizeof(float));
  }
}

}  // namespace

void scale_pixels(std::span<const std::uint8_t* const> images, PixelType numbers, int features, float* out) {
  if (numbers == PixelType::singles) {
    const std::size_t count = features;
    for (std::size_t i = 0; i < images.size(); ++i) std::memcpy(out + i * count, images[i], count * sizeof(float));
    return;
  }
  for (std::size_t i = 0; i < images.size(); ++i)
    scale_image(images[i], features, out + i * static_cast<std::size_t>(features));
}

void spread_pixels(std::span<const std::uint8_t* const> images, PixelType numbers, const ImageRows& layout,
                   float* out) {
  if (numbers == PixelType::singles) return spread_singles(images, layout, out);
  const std::size_t batch = layout.batch;
  const int count = images.size();
  assert(count <= layout.batch);
  const bool tiles = count >= vector_lanes && layout.width >= vector_lanes;
  for (int c = 0; c < layout.channels; ++c)
    for (int y = 0; y < layout.height; ++y) {
      float* row = out + layout.at(c, y);
      const std::size_t first = (c * layout.height + y) * layout.width;
      if (!tiles) {
        for (int x = 0; x < layout.width; ++x)
          for (int s = 0; s < count; ++s) row[x * batch + s] = images[s][first + x] * scale;
        continue;
      }
      // The last tile of a row or of the images overlaps the one before where sizes are no multiples of a register.
      for (int x = 0; x < layout.width; x += vector_lanes) {
        const std::size_t column = std::min(x, layout.width - vector_lanes);
        for (int s = 0; s < count; s += vector_lanes) {
          const std::size_t sample = std::min(s, count - vector_lanes);
          spread_tile(images.data() + sample, first + column, row + column * batch + sample, batch);
        }
      }
    }
}

}  // namespace flatsweep
