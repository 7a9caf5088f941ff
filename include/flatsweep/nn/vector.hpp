#pragma once

#include <cstdint>
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

/// Sixteen 32-bit integers, also the mask that comparing two Vectors gives: -1 in lanes where it holds.
using Integers = std::int32_t __attribute__((vector_size(vector_lanes * sizeof(std::int32_t))));

// Plain loops between bytes and integers: GCC 12 takes its own __builtin_convertvector apart into single bytes.
[[nodiscard]] inline Integers load_bytes(const std::uint8_t* from) {
  std::int32_t wide[vector_lanes];
  for (int i = 0; i < vector_lanes; ++i) wide[i] = from[i];
  Integers v;
  std::memcpy(&v, wide, sizeof v);
  return v;
}
inline void store_bytes(std::uint8_t* to, Integers v) {
  std::int32_t wide[vector_lanes];
  std::memcpy(wide, &v, sizeof v);
  for (int i = 0; i < vector_lanes; ++i) to[i] = static_cast<std::uint8_t>(wide[i]);
}

}  // namespace flatsweep
