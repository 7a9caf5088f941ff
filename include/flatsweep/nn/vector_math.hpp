#pragma once

#include "flatsweep/nn/vector.hpp"

#include <cstdint>

namespace flatsweep {

/// exp(x) of sixteen numbers x <= 0, to 2 units in the last place; 0 below -87, where it is less than 2e-38. A NaN
/// stays one. Range reduction by ln 2 in two parts and a polynomial of degree 6 (Cephes' expf); a third faster here
/// than the general routine, because a softmax never asks for positive arguments.
[[nodiscard]] inline Vector exponential_of_negative(Vector x) {
  constexpr float lowest = -87.0F;
  constexpr float log2_e = 1.44269504F;
  constexpr float ln2_high = 0.693359375F, ln2_low = -2.12194440e-4F;
  // Adding 1.5 * 2^23 rounds to a whole number, which then stands in the lowest bits.
  constexpr float shifter = 12582912.0F;
  const Vector floor_value = Vector{} + lowest;
  const auto vanishes = x < floor_value;
  x = vanishes ? floor_value : x;
  const Vector shifted = x * log2_e + shifter;
  const Vector n = shifted - shifter;
  const Vector r = (x - n * ln2_high) - n * ln2_low;
  Vector p = r * 1.9875691500e-4F + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  const Vector value = p * (r * r) + r + 1.0F;
  Integers bits;
  static_assert(sizeof bits == sizeof shifted);
  __builtin_memcpy(&bits, &shifted, sizeof bits);
  constexpr std::int32_t one = 0x3F800000, shifter_bits = 0x4B400000;
  bits = ((bits - shifter_bits) << 23) + one;  // 2^n
  Vector scale;
  __builtin_memcpy(&scale, &bits, sizeof scale);
  return vanishes ? Vector{} : value * scale;
}

}  // namespace flatsweep
