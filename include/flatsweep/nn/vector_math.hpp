#pragma once

#include "flatsweep/nn/vector.hpp"

#include <cstdint>

namespace flatsweep {

/// exp(x) of numbers x <= 87, to 2 units in the last place; 0 below -87.7, where it is less than 1e-38. A NaN
/// stays one. Range reduction by ln 2 in two parts and a polynomial of degree 6 (Cephes' expf); a third faster here
/// than the general routine, because a softmax knows that its arguments do not overflow.
[[nodiscard]] inline Vector bounded_exponential(Vector x) {
  constexpr float lowest = -88.0F;
  constexpr float log2_e = 1.44269504F;
  constexpr float ln2_high = 0.693359375F, ln2_low = -2.12194440e-4F;
  // Adding 1.5 * 2^23 rounds to a whole number, which then stands in the lowest bits.
  constexpr float shifter = 12582912.0F;
  const Vector floor_value = Vector{} + lowest;
  x = x < floor_value ? floor_value : x;
  const Vector shifted = x * log2_e + shifter;
  const Vector n = shifted - shifter;
  const Vector r = (x - n * ln2_high) - n * ln2_low;
  Vector p = r * 1.9875691500e-4F + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  const Vector value = p * (r * r) + r + 1.0F;
  Words bits;
  static_assert(sizeof bits == sizeof shifted);
  __builtin_memcpy(&bits, &shifted, sizeof bits);
  constexpr std::uint32_t one = 0x3F800000;
  bits = (bits << 23) + one;  // 2^n, all but n shifted out; 0 for n = -127
  Vector scale;
  __builtin_memcpy(&scale, &bits, sizeof scale);
  return value * scale;
}

/// log(1 + x) of numbers from 0 to 1e30, to 2 units in the last place, also where x is tiny. A NaN stays
/// one. Of u = 1 + x the exponent and a polynomial for the rest (Cephes' logf); what rounding took from u comes back as
/// the first term of a series, in which 1/u need not be exact.
[[nodiscard]] inline Vector log_of_one_plus(Vector x) {
  constexpr float ln2_high = 0.693359375F, ln2_low = -2.12194440e-4F;
  constexpr std::uint32_t one = 0x3F800000, root_half = 0x3F3504F3, fraction = 0x007FFFFF;
  const Vector u = x + 1.0F;
  const Vector lost = x - (u - 1.0F);
  Words bits;  // those of a NaN leave the range of signed numbers
  __builtin_memcpy(&bits, &u, sizeof bits);
  bits += one - root_half;
  const Integers exponent = reinterpret_cast<Integers>(bits >> 23) - 127;
  bits = (bits & fraction) + root_half;
  Vector m;
  __builtin_memcpy(&m, &bits, sizeof m);
  m -= 1.0F;  // from sqrt(1/2) - 1 to sqrt(2) - 1
  const Vector e = __builtin_convertvector(exponent, Vector);
  Vector p = m * 7.0376836292e-2F - 1.1514610310e-1F;
  p = p * m + 1.1676998740e-1F;
  p = p * m - 1.2420140846e-1F;
  p = p * m + 1.4249322787e-1F;
  p = p * m - 1.6668057665e-1F;
  p = p * m + 2.0000714765e-1F;
  p = p * m - 2.4999993993e-1F;
  p = p * m + 3.3333331174e-1F;
  const Vector square = m * m;
  const Vector inverse = 1.5F - 0.5F * u;  // of 1/u between 1 and 2; beyond, what was lost does not count
  const Vector zero = {};
  Vector value = p * m * square + e * ln2_low;
  value -= 0.5F * square;
  value += inverse > zero ? lost * inverse : zero;
  return (m + value) + e * ln2_high + 0.0F * x;  // a NaN stays one
}

}  // namespace flatsweep
