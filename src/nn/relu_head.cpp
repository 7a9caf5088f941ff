#include "flatsweep/nn/relu_head.hpp"

#include "flatsweep/nn/vector.hpp"

#include <cstddef>

namespace flatsweep {

namespace {

// Registers of samples at a time. Where ten sums for each of two fit, a weight loaded once serves two products.
constexpr int width = vector_registers == 32 ? 2 : 1;

Vector relu(Vector z) {
  const Vector zero = {};
  return z < zero ? zero : z;  // in this order a NaN stays one
}

/// `count` classes from `first` on, for `width` registers of samples from `sample` on. count <= 10 keeps all sums in
/// registers.
template <int count>
void add_classes(const ReluHead& head, float step, int first, std::size_t sample, float* logits) {
  const auto ld = static_cast<std::size_t>(head.samples);
  const auto hidden = static_cast<std::size_t>(head.hidden);
  const float* weights = head.weights + static_cast<std::size_t>(first) * hidden;
  Vector sums[count][width] = {};
  for (std::size_t k = 0; k < hidden; ++k) {
    Vector h[width];
    for (int v = 0; v < width; ++v) {
      const std::size_t at = k * ld + sample + static_cast<std::size_t>(v * vector_lanes);
      h[v] = relu(load_vector(head.preactivation + at) + step * load_vector(head.response + at));
    }
    for (int c = 0; c < count; ++c)
      for (int v = 0; v < width; ++v) sums[c][v] += weights[static_cast<std::size_t>(c) * hidden + k] * h[v];
  }
  for (int c = 0; c < count; ++c)
    for (int v = 0; v < width; ++v)
      store_vector(
          logits + static_cast<std::size_t>(first + c) * ld + sample + static_cast<std::size_t>(v * vector_lanes),
          sums[c][v] + head.bias[first + c]);
}

}  // namespace

void relu_head_logits(const ReluHead& head, float step, float* logits) {
  for (std::size_t sample = 0; sample < static_cast<std::size_t>(head.samples); sample += width * vector_lanes) {
    int first = 0;
    for (; first + 10 <= head.classes; first += 10) add_classes<10>(head, step, first, sample, logits);
    for (; first + 5 <= head.classes; first += 5) add_classes<5>(head, step, first, sample, logits);
    for (; first < head.classes; ++first) add_classes<1>(head, step, first, sample, logits);
  }
}

}  // namespace flatsweep
