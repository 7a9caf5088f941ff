#pragma once

#include <cstddef>
#include <span>

namespace flatsweep {

/// In double precision.
inline double dot(std::span<const float> a, std::span<const float> b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

}  // namespace flatsweep
