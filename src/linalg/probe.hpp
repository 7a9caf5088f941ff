#pragma once

#include "flatsweep/base/index.hpp"
#include "flatsweep/base/random.hpp"

#include <Eigen/Core>

#include <algorithm>
#include <cstdint>

namespace flatsweep {

/// What random vectors of the solvers are for: the upper half of the random stream, so that none is used twice.
enum class ProbeUse : std::uint64_t { density = 1, trace_sketch = 2, trace_rest = 3 };

/// A vector of random signs (n,), which depends on its arguments alone.
[[nodiscard]] inline Eigen::VectorXd random_signs(Index n, std::int64_t seed, ProbeUse use, int number) {
  Random random(seed, RandomPurpose::solver,
                static_cast<std::uint64_t>(use) << 32U | static_cast<std::uint32_t>(number));
  Eigen::VectorXd signs(n);
  for (Index first = 0; first < n; first += 32) {
    std::uint32_t bits = random.next();
    for (Index i = first; i < std::min<Index>(first + 32, n); ++i, bits >>= 1U)
      signs(i) = (bits & 1U) != 0 ? 1.0 : -1.0;
  }
  return signs;
}

}  // namespace flatsweep
