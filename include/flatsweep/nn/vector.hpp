#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace flatsweep {

/// Floats of one vector register, and how many registers there are. GCC keeps a vector that is wider than a register in
/// memory, which made everything ten times slower; the build option FLATSWEEP_VECTOR_LANES sets another width for
/// tests.
#if defined(FLATSWEEP_VECTOR_LANES)
constexpr int vector_lanes = FLATSWEEP_VECTOR_LANES;
#elif defined(__AVX512F__)
constexpr int vector_lanes = 16;
#elif defined(__AVX__)
constexpr int vector_lanes = 8;
#else
constexpr int vector_lanes = 4;
#endif
constexpr int vector_registers = vector_lanes == 16 ? 32 : 16;
static_assert(vector_lanes == 4 || vector_lanes == 8 || vector_lanes == 16, "a register holds 4, 8 or 16 floats");

/// n rounded up to whole registers.
[[nodiscard]] constexpr std::size_t whole_registers(std::size_t n) {
  return (n + vector_lanes - 1) / vector_lanes * vector_lanes;
}
/// Registers that n numbers take, the last one perhaps in part.
[[nodiscard]] constexpr int registers_of(int n) { return (n + vector_lanes - 1) / vector_lanes; }

/// One register as a vector extension of GCC and Clang.
using Vector = float __attribute__((vector_size(vector_lanes * sizeof(float))));

[[nodiscard]] inline Vector load_vector(const float* from) {
  Vector v;
  std::memcpy(&v, from, sizeof v);
  return v;
}
inline void store_vector(float* to, Vector v) { std::memcpy(to, &v, sizeof v); }

/// As many 32-bit integers, also the mask that comparing two Vectors gives: -1 in lanes where it holds.
using Integers = std::int32_t __attribute__((vector_size(vector_lanes * sizeof(std::int32_t))));
/// As many 32-bit numbers without sign, which wrap round.
using Words = std::uint32_t __attribute__((vector_size(vector_lanes * sizeof(std::uint32_t))));

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
