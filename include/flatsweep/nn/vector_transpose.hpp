#pragma once

#include "flatsweep/nn/vector.hpp"

#include <utility>

namespace flatsweep {

/// Of two vectors in blocks of `step` lanes: a's even blocks, each followed by b's, and a's odd blocks with b's.
template <int step, int... lane>
[[nodiscard]] inline Vector even_blocks(Vector a, Vector b, std::integer_sequence<int, lane...>) {
  return __builtin_shufflevector(a, b, ((lane & step) != 0 ? vector_lanes + lane - step : lane)...);
}
template <int step, int... lane>
[[nodiscard]] inline Vector odd_blocks(Vector a, Vector b, std::integer_sequence<int, lane...>) {
  return __builtin_shufflevector(a, b, ((lane & step) != 0 ? vector_lanes + lane : lane + step)...);
}
using AllLanes = std::make_integer_sequence<int, vector_lanes>;

/// Transposes as many vectors as a vector has lanes, seen as a square matrix, in rounds that exchange blocks of half,
/// a quarter, ... and one of the lanes.
template <int step = vector_lanes / 2>
inline void transpose(Vector (&v)[vector_lanes]) {
  for (int i = 0; i < vector_lanes; ++i) {
    if ((i & step) != 0) continue;
    const Vector a = v[i], b = v[i + step];
    v[i] = even_blocks<step>(a, b, AllLanes{});
    v[i + step] = odd_blocks<step>(a, b, AllLanes{});
  }
  if constexpr (step > 1) transpose<step / 2>(v);
}

/// Sums over the lanes of each of as many vectors as a vector has lanes: sum(v[i]) in lane i. Overwrites them.
template <int step = vector_lanes / 2>
[[nodiscard]] inline Vector sum_lanes(Vector (&v)[vector_lanes]) {
  for (int i = 0; i < step; ++i)
    v[i] = even_blocks<step>(v[i], v[i + step], AllLanes{}) + odd_blocks<step>(v[i], v[i + step], AllLanes{});
  if constexpr (step > 1) return sum_lanes<step / 2>(v);
  return v[0];
}

}  // namespace flatsweep
