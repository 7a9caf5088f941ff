#pragma once

#include "flatsweep/base/numbers.hpp"

#include <cmath>
#include <span>

namespace flatsweep {

/// |x| of single-precision numbers, summed in double precision by a plain loop: the order of the sum does not depend on
/// where the numbers stand in memory.
[[nodiscard]] inline double euclidean_norm(std::span<const float> x) {
  double squares = 0.0;
  for (const float value : x) squares += square(value);
  return std::sqrt(squares);
}

}  // namespace flatsweep
