#include "flatsweep/nn/pixels.hpp"

#include <algorithm>
#include <cstring>

namespace flatsweep {

namespace {

constexpr int tile = 16;
constexpr float scale = 1.0F / 255.0F;

// A vector extension of GCC and Clang: the same source on every processor.
using Bytes16 = std::uint8_t __attribute__((vector_size(16)));

// One long plain loop, which compilers turn into vector instructions; shorter ones they unroll into scalar code.
void store_scaled(const std::uint8_t* __restrict in, int count, float* __restrict out) {
  for (int i = 0; i < count; ++i) out[i] = static_cast<float>(in[i]) * scale;
}

// One round of the transposition by interleaving: four rounds turn 16 rows of 16 bytes into 16 columns.
void interleave(const Bytes16 (&in)[tile], Bytes16 (&out)[tile]) {
  for (int i = 0; i < tile / 2; ++i) {
    const Bytes16 a = in[i];
    const Bytes16 b = in[i + tile / 2];
    out[2 * i] = __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    out[2 * i + 1] = __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
  }
}

void transpose(Bytes16 (&rows)[tile]) {
  Bytes16 other[tile];
  interleave(rows, other);
  interleave(other, rows);
  interleave(rows, other);
  interleave(other, rows);
}

struct Tile {
  int first_sample, samples;   // samples <= 16
  int first_feature, features; // features <= 16
};

void load(std::span<const std::uint8_t* const> images, const Tile& t, Bytes16 (&rows)[tile]) {
  for (int s = 0; s < tile; ++s) {
    rows[s] = Bytes16{};
    if (s >= t.samples) continue;
    const auto* source = images[static_cast<std::size_t>(t.first_sample + s)] + t.first_feature;
    if (t.features == tile)
      std::memcpy(&rows[s], source, tile);
    else
      std::memcpy(&rows[s], source, static_cast<std::size_t>(t.features));
  }
}

void write_by_sample(Bytes16 (&rows)[tile], const Tile& t, float* by_sample, int ld) {
  transpose(rows);
  float values[tile * tile];
  store_scaled(reinterpret_cast<const std::uint8_t*>(rows), tile * tile, values);
  for (int f = 0; f < t.features; ++f)
    std::memcpy(by_sample + static_cast<std::size_t>(t.first_feature + f) * static_cast<std::size_t>(ld) + t.first_sample,
                values + tile * f, tile * sizeof(float));
}

}  // namespace

void scale_pixels(std::span<const std::uint8_t* const> images, int features, float* by_feature, float* by_sample, int ld) {
  const int samples = static_cast<int>(images.size());
  Bytes16 rows[tile];
  for (int s = 0; s < samples; s += tile) {
    for (int f = 0; f < features; f += tile) {
      const Tile t{s, std::min(tile, samples - s), f, std::min(tile, features - f)};
      load(images, t, rows);
      write_by_sample(rows, t, by_sample, ld);
    }
  }
  if (by_feature == nullptr) return;
  for (int s = 0; s < samples; ++s)
    store_scaled(images[static_cast<std::size_t>(s)], features, by_feature + static_cast<std::size_t>(s) * static_cast<std::size_t>(features));
}

}  // namespace flatsweep
