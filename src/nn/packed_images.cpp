#include "flatsweep/nn/packed_images.hpp"

#include <algorithm>
#include <cassert>

namespace flatsweep {

namespace {

constexpr float scale = 1.0F / 255.0F;
// Registers of outputs at a time: two pixels' weights, or sums, of so many stay in registers beside a row and the
// pixels.
constexpr int most_vectors = vector_registers == 32 ? 8 : 7;

/// Calls `run` with each tile of registers of a row and its first output: run.template operator()<vectors>(first).
template <class Run>
void for_each_tile(std::size_t stride, Run run) {
  assert(stride % vector_lanes == 0);
  const int registers = static_cast<int>(stride) / vector_lanes;
  const int count = (registers + most_vectors - 1) / most_vectors;
  for (int i = 0; i < count; ++i) {
    const int first = registers * i / count;
    const std::size_t offset = first * vector_lanes;
    switch (registers * (i + 1) / count - first) {
      case 1:
        run.template operator()<1>(offset);
        break;
      case 2:
        run.template operator()<2>(offset);
        break;
      case 3:
        run.template operator()<3>(offset);
        break;
      case 4:
        run.template operator()<4>(offset);
        break;
      case 5:
        run.template operator()<5>(offset);
        break;
      case 6:
        run.template operator()<6>(offset);
        break;
      case 7:
        run.template operator()<7>(offset);
        break;
      default:
        run.template operator()<most_vectors>(offset);
    }
  }
}

}  // namespace

PackedImages::PackedImages(std::span<const std::uint8_t* const> images, int features) {
  for (int pixel = 0; pixel < features; pixel += 2) {
    begin_.push_back(images_.size());
    for (std::size_t n = 0; n < images.size(); ++n) {
      const std::uint8_t left = images[n][pixel], right = pixel + 1 < features ? images[n][pixel + 1] : 0;
      if (left == 0 && right == 0) continue;
      images_.push_back(static_cast<std::uint16_t>(n));
      pixels_.push_back(left * scale);
      pixels_.push_back(right * scale);
    }
  }
  begin_.push_back(images_.size());
}

void PackedImages::add_products(const float* weights, std::size_t stride, float* rows) const {
  for_each_tile(stride,
                [&]<int vectors>(std::size_t first) { products_of<vectors>(weights + first, stride, rows + first); });
}

void PackedImages::add_gradient(const float* rows, std::size_t stride, float* gradient) const {
  for_each_tile(stride,
                [&]<int vectors>(std::size_t first) { gradient_of<vectors>(rows + first, stride, gradient + first); });
}

// Members are read into locals: the compiler cannot know that the stores to rows leave them as they are.
template <int vectors>
void PackedImages::products_of(const float* weights, std::size_t stride, float* rows) const {
  const std::uint16_t* image = images_.data();
  const float* pixel = pixels_.data();
  for (std::size_t pair = 0; pair + 1 < begin_.size(); ++pair, weights += 2 * stride) {
    const std::uint16_t* const end = image + (begin_[pair + 1] - begin_[pair]);
    if (image == end) continue;
    Vector left[vectors], right[vectors];
    for (int v = 0; v < vectors; ++v) {
      left[v] = load_vector(weights + v * vector_lanes);
      right[v] = load_vector(weights + stride + v * vector_lanes);
    }
    for (; image != end; ++image, pixel += 2) {
      const float x = pixel[0], y = pixel[1];
      float* const row = rows + *image * stride;
      for (int v = 0; v < vectors; ++v)
        store_vector(row + v * vector_lanes, load_vector(row + v * vector_lanes) + x * left[v] + y * right[v]);
    }
  }
}

template <int vectors>
void PackedImages::gradient_of(const float* rows, std::size_t stride, float* gradient) const {
  const std::uint16_t* image = images_.data();
  const float* pixel = pixels_.data();
  for (std::size_t pair = 0; pair + 1 < begin_.size(); ++pair, gradient += 2 * stride) {
    const std::uint16_t* const end = image + (begin_[pair + 1] - begin_[pair]);
    if (image == end) continue;
    Vector left[vectors], right[vectors];
    for (int v = 0; v < vectors; ++v) {
      left[v] = load_vector(gradient + v * vector_lanes);
      right[v] = load_vector(gradient + stride + v * vector_lanes);
    }
    for (; image != end; ++image, pixel += 2) {
      const float x = pixel[0], y = pixel[1];
      const float* const row = rows + *image * stride;
      for (int v = 0; v < vectors; ++v) {
        const Vector part = load_vector(row + v * vector_lanes);
        left[v] += x * part;
        right[v] += y * part;
      }
    }
    for (int v = 0; v < vectors; ++v) {
      store_vector(gradient + v * vector_lanes, left[v]);
      store_vector(gradient + stride + v * vector_lanes, right[v]);
    }
  }
}

}  // namespace flatsweep
