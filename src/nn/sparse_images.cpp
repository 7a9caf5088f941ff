#include "flatsweep/nn/sparse_images.hpp"

#include "flatsweep/nn/vector_transpose.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>

namespace flatsweep {

namespace {

// Registers of outputs at a time: 4 pixels x 4 registers of weights stay in registers, or 4 x 3 where there are fewer.
constexpr int most_vectors = vector_registers == 32 ? 4 : 3;
// To transpose a square of weights takes as long as so many FMAs of a register, on the way there and on the way back.
constexpr double transposition = vector_lanes == 16 ? 140.0 : 40.0;

std::size_t index(int n) { return n; }

std::uint32_t load_word(const std::uint8_t* from) {
  std::uint32_t word = 0;
  std::memcpy(&word, from, sizeof word);
  return word;
}

/// masks[g] gets bit `bit` where the image's group g of four bytes is not 0.
void mark_groups(const std::uint8_t* image, int groups, int bit, std::int32_t* masks) {
  const auto value = static_cast<std::int32_t>(1U << static_cast<unsigned>(bit));
  for (int g = 0; g < groups; ++g) {
    const auto word = static_cast<std::int32_t>(load_word(image + index(g) * 4));
    masks[g] |= word != 0 ? value : 0;
  }
}

}  // namespace

SparseImages::SparseImages(int features, int outputs, int batch)
    : features_(features),
      outputs_(outputs),
      groups_(features / group_pixels),
      masks_(index(groups_) * index((batch + chunk_images - 1) / chunk_images)),
      low_(index(groups_)),
      high_(index(groups_)) {
  const int vectors = registers_of(outputs);
  const int count = (vectors + most_vectors - 1) / most_vectors;
  int widest = 0;
  for (int i = 0; i < count; ++i) {
    const int first = vectors * i / count;
    tiles_.push_back({first * vector_lanes, vectors * (i + 1) / count - first});
    widest = std::max(widest, tiles_.back().vectors * vector_lanes);
  }
  weights_.resize(index(features) * index(widest));
  rows_.resize(whole_registers(index(batch)) * index(widest));
  block_.resize(index(block_pixels) * index(widest));
}

// A register of FMAs is the unit. Whole products reach some 70 % of what the core can do, these 80 %.
bool SparseImages::scan(std::span<const std::uint8_t* const> images) {
  images_ = images.size();
  assert(index((images_ + chunk_images - 1) / chunk_images) * index(groups_) <= masks_.size());
  std::int64_t marked = 0;
  for (int first = 0; first < images_; first += chunk_images) {
    std::ranges::fill(low_, 0);
    std::ranges::fill(high_, 0);
    for (int i = 0; i < std::min(chunk_images, images_ - first); ++i)
      mark_groups(images[index(first + i)], groups_, i % 32, i < 32 ? low_.data() : high_.data());
    std::uint64_t* masks = masks_.data() + index(first / chunk_images) * index(groups_);
    for (std::size_t g = 0; g < index(groups_); ++g) {
      masks[g] = static_cast<std::uint32_t>(low_[g]) | std::uint64_t{static_cast<std::uint32_t>(high_[g])} << 32U;
      marked += std::popcount(masks[g]);
    }
  }
  const double vectors = registers_of(outputs_);
  const int blocks = features_ / block_pixels;
  const double sparse = 1.0 * marked * group_pixels * vectors / 0.8 + blocks * vectors * transposition;
  const double whole = 1.0 * images_ * features_ * outputs_ / vector_lanes / 0.7;
  return sparse < whole;
}

void SparseImages::multiply(const float* x, const float* w, float* z, PaddedRows rows) {
  assert(images_ <= rows);
  const std::size_t ldz = index(rows);
  for (const auto& tile : tiles_) switch (tile.vectors) {
      case 1:
        multiply_tile<1>(tile, x, w, z, ldz);
        break;
      case 2:
        multiply_tile<2>(tile, x, w, z, ldz);
        break;
      case 3:
        multiply_tile<3>(tile, x, w, z, ldz);
        break;
      default:
        multiply_tile<most_vectors>(tile, x, w, z, ldz);
    }
}

void SparseImages::gradient(const float* x, const float* errors, PaddedRows rows, float* gradient) {
  assert(images_ <= rows);
  const std::size_t lde = index(rows);
  for (const auto& tile : tiles_) switch (tile.vectors) {
      case 1:
        gradient_tile<1>(tile, x, errors, lde, gradient);
        break;
      case 2:
        gradient_tile<2>(tile, x, errors, lde, gradient);
        break;
      case 3:
        gradient_tile<3>(tile, x, errors, lde, gradient);
        break;
      default:
        gradient_tile<most_vectors>(tile, x, errors, lde, gradient);
    }
}

// --- between the layouts -----------------------------------------------------------------------------------

void SparseImages::transpose_weights(const Tile& tile, const float* w) {
  const auto width = index(tile.vectors * vector_lanes);
  for (int v = 0; v < tile.vectors; ++v) {
    const int first = tile.first + v * vector_lanes;
    for (std::size_t pixel = 0; pixel < index(features_); pixel += vector_lanes) {
      Vector block[vector_lanes];
      for (int o = 0; o < vector_lanes; ++o)
        block[o] = first + o < outputs_ ? load_vector(w + index(first + o) * index(features_) + pixel) : Vector{};
      transpose(block);
      for (std::size_t p = 0; p < vector_lanes; ++p)
        store_vector(&weights_[(pixel + p) * width + index(v * vector_lanes)], block[p]);
    }
  }
}

void SparseImages::scatter_outputs(const Tile& tile, int first_image, float* z, std::size_t ldz) const {
  const auto width = index(tile.vectors * vector_lanes);
  const int end = std::min(first_image + chunk_images, images_);
  for (int v = 0; v < tile.vectors; ++v) {
    const int first = tile.first + v * vector_lanes;
    for (int image = first_image; image < end; image += vector_lanes) {
      Vector block[vector_lanes];
      for (std::size_t i = 0; i < vector_lanes; ++i)
        block[i] = load_vector(&rows_[(index(image) + i) * width + index(v * vector_lanes)]);
      transpose(block);
      for (int o = 0; o < std::min(vector_lanes, outputs_ - first); ++o)
        store_vector(z + index(first + o) * ldz + index(image), block[o]);
    }
  }
}

void SparseImages::gather_errors(const Tile& tile, const float* errors, std::size_t lde) {
  const auto width = index(tile.vectors * vector_lanes);
  for (int v = 0; v < tile.vectors; ++v) {
    const int first = tile.first + v * vector_lanes;
    for (int image = 0; image < images_; image += vector_lanes) {
      Vector block[vector_lanes];
      for (int o = 0; o < vector_lanes; ++o)
        block[o] = first + o < outputs_ ? load_vector(errors + index(first + o) * lde + index(image)) : Vector{};
      transpose(block);
      for (std::size_t i = 0; i < vector_lanes; ++i)
        store_vector(&rows_[(index(image) + i) * width + index(v * vector_lanes)], block[i]);
    }
  }
}

void SparseImages::scatter_gradient(const Tile& tile, int first_pixel, float* gradient) const {
  const auto width = index(tile.vectors * vector_lanes);
  for (int v = 0; v < tile.vectors; ++v) {
    const int first = tile.first + v * vector_lanes;
    Vector block[vector_lanes];
    for (std::size_t p = 0; p < vector_lanes; ++p) block[p] = load_vector(&block_[p * width + index(v * vector_lanes)]);
    transpose(block);
    for (int o = 0; o < std::min(vector_lanes, outputs_ - first); ++o)
      store_vector(gradient + index(first + o) * index(features_) + index(first_pixel), block[o]);
  }
}

// --- the products ------------------------------------------------------------------------------------------

template <int vectors>
void SparseImages::multiply_tile(const Tile& tile, const float* x, const float* w, float* z, std::size_t ldz) {
  constexpr std::size_t width = vectors * vector_lanes;
  transpose_weights(tile, w);
  for (int first = 0; first < images_; first += chunk_images) {
    float* rows = rows_.data() + index(first) * width;
    std::fill_n(rows, whole_registers(index(std::min(chunk_images, images_ - first))) * width, 0.0F);
    const std::uint64_t* masks = masks_of(first / chunk_images);
    for (int g = 0; g < groups_; ++g) {
      std::uint64_t marked = masks[g];
      if (marked == 0) continue;
      Vector weights[group_pixels][vectors];
      const float* from = weights_.data() + index(g) * group_pixels * width;
      for (int i = 0; i < group_pixels * vectors; ++i)
        weights[i / vectors][i % vectors] = load_vector(from + i * vector_lanes);
      const float* pixels = x + index(first) * index(features_) + index(g) * group_pixels;
      for (; marked != 0; marked &= marked - 1) {
        const auto image = index(std::countr_zero(marked));
        const float* pixel = pixels + image * index(features_);
        // Everything is read before anything is written, which spares the compiler the thought of an overlap.
        float* to = rows + image * width;
        Vector sums[vectors];
        for (int v = 0; v < vectors; ++v) sums[v] = load_vector(to + v * vector_lanes);
        for (int p = 0; p < group_pixels; ++p)
          for (int v = 0; v < vectors; ++v) sums[v] += pixel[p] * weights[p][v];
        for (int v = 0; v < vectors; ++v) store_vector(to + v * vector_lanes, sums[v]);
      }
    }
    scatter_outputs(tile, first, z, ldz);
  }
}

template <int vectors>
void SparseImages::gradient_tile(const Tile& tile, const float* x, const float* errors, std::size_t lde,
                                 float* gradient) {
  constexpr std::size_t width = vectors * vector_lanes;
  gather_errors(tile, errors, lde);
  const int chunks = (images_ + chunk_images - 1) / chunk_images;
  for (int g = 0; g < groups_; ++g) {
    Vector sums[group_pixels][vectors] = {};
    for (int chunk = 0; chunk < chunks; ++chunk) {
      const float* pixels = x + index(chunk * chunk_images) * index(features_) + index(g) * group_pixels;
      const float* rows = rows_.data() + index(chunk * chunk_images) * width;
      for (std::uint64_t marked = masks_of(chunk)[g]; marked != 0; marked &= marked - 1) {
        const auto image = index(std::countr_zero(marked));
        const float* pixel = pixels + image * index(features_);
        for (int v = 0; v < vectors; ++v) {
          const Vector error = load_vector(rows + image * width + v * vector_lanes);
          for (int p = 0; p < group_pixels; ++p) sums[p][v] += pixel[p] * error;
        }
      }
    }
    const int within = g * group_pixels % block_pixels;
    for (int i = 0; i < group_pixels * vectors; ++i)
      store_vector(&block_[index(within) * width + index(i * vector_lanes)], sums[i / vectors][i % vectors]);
    if (within + group_pixels == block_pixels) scatter_gradient(tile, g * group_pixels - within, gradient);
  }
}

}  // namespace flatsweep
