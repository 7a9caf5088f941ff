#pragma once

#include "flatsweep/analysis/power_law.hpp"

#include <string>

// Numbers as the table on the terminal shows them.
namespace flatsweep {

/// So many digits behind the point; "-" where the number is not known.
[[nodiscard]] std::string shown(double value, int digits);

/// Stands behind an interval that is not over seeds.
inline constexpr const char* scatter_mark = "*";
/// "4.22 (4.15-4.29), n = 499, seeds 4", n the points of a seed in the mean; where there is no exponent, why.
[[nodiscard]] std::string in_words(const Exponent& psi);

}  // namespace flatsweep
