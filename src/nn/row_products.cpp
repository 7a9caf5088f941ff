#include "flatsweep/nn/row_products.hpp"

#include "flatsweep/nn/vector_transpose.hpp"

#include <algorithm>
#include <cstring>

namespace flatsweep {

namespace {

constexpr int lanes = vector_lanes;
// A tile is side x side dot products, one register each: 25 of 32, measured best of eight shapes, or 9 of 16.
constexpr int side = vector_registers == 32 ? 5 : 3;
constexpr int padded_tile = (side * side + lanes - 1) / lanes * lanes;

struct Tile {
  const float* x;
  std::size_t ldx;
  const float* w;
  std::size_t ldw;
};

/// Adds what the last inputs, too few for a register, contribute.
void add_rest(const Tile& t, int first, int inputs, float (&sums)[padded_tile]) {
  for (int k = first; k < inputs; ++k)
    for (int i = 0; i < side * side; ++i) sums[i] += t.x[(i % side) * t.ldx + k] * t.w[(i / side) * t.ldw + k];
}

/// The side x side dot products of a tile, element (s, o) at s + side * o.
void multiply_tile(const Tile& t, int inputs, float (&sums)[padded_tile]) {
  Vector products[padded_tile] = {};
  const int whole = inputs / lanes * lanes;
  for (int k = 0; k < whole; k += lanes) {
    Vector x[side];
    for (int s = 0; s < side; ++s) x[s] = load_vector(t.x + s * t.ldx + k);
    for (int o = 0; o < side; ++o) {
      const Vector w = load_vector(t.w + o * t.ldw + k);
      for (int s = 0; s < side; ++s) products[s + side * o] += x[s] * w;
    }
  }
  for (int i = 0; i < padded_tile; i += lanes) {
    const Vector all = sum_lanes(reinterpret_cast<Vector(&)[vector_lanes]>(products[i]));
    std::memcpy(sums + i, &all, sizeof all);
  }
  add_rest(t, whole, inputs, sums);
}

void multiply_plainly(const float* x, std::size_t ldx, int samples, const float* w, int inputs, int outputs, float* z,
                      std::size_t ldz) {
  for (int o = 0; o < outputs; ++o)
    for (int s = 0; s < samples; ++s) {
      float sum = 0.0F;
      for (int k = 0; k < inputs; ++k) sum += x[s * ldx + k] * w[o * static_cast<std::size_t>(inputs) + k];
      z[o * ldz + s] = sum;
    }
}

}  // namespace

void multiply_rows(const float* x, std::size_t ldx, int samples, const float* w, int inputs, int outputs, float* z,
                   std::size_t ldz) {
  if (samples < side || outputs < side) return multiply_plainly(x, ldx, samples, w, inputs, outputs, z, ldz);
  const std::size_t ldw = inputs;
  // The last tile of a row or column of tiles overlaps the one before where sizes are no multiples of the side.
  for (int o = 0; o < outputs; o += side) {
    const std::size_t first_output = std::min(o, outputs - side);
    for (int s = 0; s < samples; s += side) {
      const std::size_t first_sample = std::min(s, samples - side);
      float sums[padded_tile];
      multiply_tile({x + first_sample * ldx, ldx, w + first_output * ldw, ldw}, inputs, sums);
      for (std::size_t j = 0; j < side; ++j)
        std::memcpy(z + (first_output + j) * ldz + first_sample, sums + side * j, side * sizeof(float));
    }
  }
}

}  // namespace flatsweep
