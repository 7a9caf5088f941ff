#include "flatsweep/nn/row_products.hpp"

#include "flatsweep/nn/vector.hpp"

#include <algorithm>
#include <cstring>

namespace flatsweep {

namespace {

constexpr int lanes = vector_lanes;
// A tile is side x side dot products, one register each: 25 of 32, measured best of eight shapes.
constexpr int side = 5;
constexpr int padded_tile = (side * side + lanes - 1) / lanes * lanes;

// Each step adds the halves of two vectors into one: sixteen vectors end as one vector of their sixteen sums.
Vector add_halves_of_16(Vector a, Vector b) {
  return __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +
         __builtin_shufflevector(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
}
Vector add_halves_of_8(Vector a, Vector b) {
  return __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27) +
         __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
}
Vector add_halves_of_4(Vector a, Vector b) {
  return __builtin_shufflevector(a, b, 0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25, 28, 29) +
         __builtin_shufflevector(a, b, 2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31);
}
Vector add_pairs(Vector a, Vector b) {
  return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30) +
         __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
}

/// Sums over the lanes of each of sixteen vectors: sum(v[i]) in lane i. Neighbours are joined first, because every step
/// moves what it joins to the upper half and shifts the steps before it down by one bit of the lane's number.
Vector sum_lanes(const Vector* v) {
  Vector eight[8], four[4], two[2];
  for (int i = 0; i < 8; ++i) eight[i] = add_halves_of_16(v[2 * i], v[2 * i + 1]);
  for (int i = 0; i < 4; ++i) four[i] = add_halves_of_8(eight[2 * i], eight[2 * i + 1]);
  for (int i = 0; i < 2; ++i) two[i] = add_halves_of_4(four[2 * i], four[2 * i + 1]);
  return add_pairs(two[0], two[1]);
}

struct Tile {
  const float* x;
  std::size_t ldx;
  const float* w;
  std::size_t ldw;
};

/// Adds what the last inputs, too few for a register, contribute.
void add_rest(const Tile& t, int first, int inputs, float (&sums)[padded_tile]) {
  for (int k = first; k < inputs; ++k)
    for (int i = 0; i < side * side; ++i)
      sums[i] += t.x[static_cast<std::size_t>(i % side) * t.ldx + static_cast<std::size_t>(k)] *
                 t.w[static_cast<std::size_t>(i / side) * t.ldw + static_cast<std::size_t>(k)];
}

/// The side x side dot products of a tile, element (s, o) at s + side * o.
void multiply_tile(const Tile& t, int inputs, float (&sums)[padded_tile]) {
  Vector products[padded_tile] = {};
  const int whole = inputs / lanes * lanes;
  for (int k = 0; k < whole; k += lanes) {
    Vector x[side];
    for (int s = 0; s < side; ++s) x[s] = load_vector(t.x + static_cast<std::size_t>(s) * t.ldx + k);
    for (int o = 0; o < side; ++o) {
      const Vector w = load_vector(t.w + static_cast<std::size_t>(o) * t.ldw + k);
      for (int s = 0; s < side; ++s) products[s + side * o] += x[s] * w;
    }
  }
  for (int i = 0; i < padded_tile; i += lanes) {
    const Vector all = sum_lanes(products + i);
    std::memcpy(sums + i, &all, sizeof all);
  }
  add_rest(t, whole, inputs, sums);
}

void multiply_plainly(const float* x, std::size_t ldx, int samples, const float* w, int inputs, int outputs, float* z,
                      std::size_t ldz) {
  for (int o = 0; o < outputs; ++o)
    for (int s = 0; s < samples; ++s) {
      float sum = 0.0F;
      for (int k = 0; k < inputs; ++k)
        sum += x[static_cast<std::size_t>(s) * ldx + static_cast<std::size_t>(k)] *
               w[static_cast<std::size_t>(o) * static_cast<std::size_t>(inputs) + static_cast<std::size_t>(k)];
      z[static_cast<std::size_t>(o) * ldz + static_cast<std::size_t>(s)] = sum;
    }
}

}  // namespace

void multiply_rows(const float* x, std::size_t ldx, int samples, const float* w, int inputs, int outputs, float* z,
                   std::size_t ldz) {
  if (samples < side || outputs < side) return multiply_plainly(x, ldx, samples, w, inputs, outputs, z, ldz);
  const auto ldw = static_cast<std::size_t>(inputs);
  // The last tile of a row or column of tiles overlaps the one before where sizes are no multiples of the side.
  for (int o = 0; o < outputs; o += side) {
    const auto first_output = static_cast<std::size_t>(std::min(o, outputs - side));
    for (int s = 0; s < samples; s += side) {
      const auto first_sample = static_cast<std::size_t>(std::min(s, samples - side));
      float sums[padded_tile];
      multiply_tile({x + first_sample * ldx, ldx, w + first_output * ldw, ldw}, inputs, sums);
      for (std::size_t j = 0; j < side; ++j)
        std::memcpy(z + (first_output + j) * ldz + first_sample, sums + side * j, side * sizeof(float));
    }
  }
}

}  // namespace flatsweep
