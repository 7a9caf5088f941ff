#include "flatsweep/nn/relu_head.hpp"

#include "flatsweep/nn/vector.hpp"

#include <cassert>
#include <cstddef>

namespace flatsweep {

namespace {

// Registers of samples at a time. Where ten sums for each of two fit, a weight loaded once serves two products.
constexpr int most_width = vector_registers == 32 ? 2 : 1;

Vector relu(Vector z) {
  const Vector zero = {};
  return z < zero ? zero : z;  // in this order a NaN stays one
}

/// `count` classes from `first` on, for `width` registers of samples from `sample` on. count <= 10 keeps all sums in
/// registers.
template <int count, int width>
void add_classes(const ReluHead& head, float step, int first, std::size_t sample, float* logits) {
  const std::size_t ld = head.rows;
  const std::size_t hidden = head.hidden;
  const float* weights = head.weights + first * hidden;
  Vector sums[count][width] = {};
  for (std::size_t k = 0; k < hidden; ++k) {
    Vector h[width];
    for (int v = 0; v < width; ++v) {
      const std::size_t at = k * ld + sample + (v * vector_lanes);
      h[v] = relu(load_vector(head.preactivation + at) + step * load_vector(head.response + at));
    }
    for (int c = 0; c < count; ++c)
      for (int v = 0; v < width; ++v) sums[c][v] += weights[c * hidden + k] * h[v];
  }
  for (int c = 0; c < count; ++c)
    for (int v = 0; v < width; ++v)
      store_vector(logits + (first + c) * ld + sample + (v * vector_lanes), sums[c][v] + head.bias[first + c]);
}

/// All classes, for as many whole groups of `width` registers from `sample` on as there are rows. @return the first row
/// that is left over
template <int width>
std::size_t add_groups(const ReluHead& head, float step, std::size_t sample, float* logits) {
  constexpr std::size_t group = width * vector_lanes;
  for (; sample + group <= static_cast<std::size_t>(head.rows); sample += group) {
    int first = 0;
    for (; first + 10 <= head.classes; first += 10) add_classes<10, width>(head, step, first, sample, logits);
    for (; first + 5 <= head.classes; first += 5) add_classes<5, width>(head, step, first, sample, logits);
    for (; first < head.classes; ++first) add_classes<1, width>(head, step, first, sample, logits);
  }
  return sample;
}

}  // namespace

void relu_head_logits(const ReluHead& head, float step, float* logits) {
  std::size_t sample = add_groups<most_width>(head, step, 0, logits);
  if constexpr (most_width > 1) sample = add_groups<1>(head, step, sample, logits);
  assert(sample == static_cast<std::size_t>(head.rows));
}

}  // namespace flatsweep
