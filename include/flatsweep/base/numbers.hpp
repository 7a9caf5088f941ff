#pragma once

#include <cmath>
#include <limits>

namespace flatsweep {

/// Stands in results where there is no value.
inline constexpr double nan = std::numeric_limits<double>::quiet_NaN();

[[nodiscard]] constexpr double square(double x) { return x * x; }

/// Has `value` a logarithm?
[[nodiscard]] inline bool is_positive(double value) { return value > 0.0 && std::isfinite(value); }

}  // namespace flatsweep
