#pragma once

#include "flatsweep/base/random.hpp"

#include <cstddef>
#include <vector>

namespace flatsweep {

/// Numbers uniform on [-1, 1), for kernels that are compared with plain loops.
inline std::vector<float> noise(std::size_t count, Random& random) {
  std::vector<float> values(count);
  for (auto& v : values) v = static_cast<float>(random.uniform(-1.0, 1.0));
  return values;
}

}  // namespace flatsweep
