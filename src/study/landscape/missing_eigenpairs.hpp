#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace flatsweep {

/// "12 of 20 smallest eigenpairs converged" behind what was said before, where some did not; the rest are NaN.
inline std::string add_missing(std::string said, const std::string& name, const std::vector<double>& values) {
  const auto known = std::ranges::count_if(values, [](double value) { return std::isfinite(value); });
  if (known == std::ssize(values)) return said;
  return (said.empty() ? "" : said + "; ") +
         fmt::format("{} of {} {} eigenpairs converged", known, values.size(), name);
}

}  // namespace flatsweep
