#pragma once

#include <cstring>

namespace flatsweep {

/// Sixteen floats as a vector extension of GCC and Clang: one AVX-512 register, two AVX registers, ... from one source.
constexpr int vector_lanes = 16;
using Vector = float __attribute__((vector_size(vector_lanes * sizeof(float))));

[[nodiscard]] inline Vector load_vector(const float* from) {
  Vector v;
  std::memcpy(&v, from, sizeof v);
  return v;
}
inline void store_vector(float* to, Vector v) { std::memcpy(to, &v, sizeof v); }

}  // namespace flatsweep
