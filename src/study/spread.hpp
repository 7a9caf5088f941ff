#pragma once

#include <cmath>
#include <limits>
#include <vector>

namespace flatsweep {

inline constexpr double absent = std::numeric_limits<double>::quiet_NaN();

/// Of one number over seeds.
struct Spread {
  double mean = absent;
  double std = absent;  // of a sample, n - 1
};

inline Spread spread(const std::vector<double>& values) {
  if (values.empty()) return {};
  double sum = 0.0, squares = 0.0;
  for (const double v : values) sum += v;
  const double mean = sum / static_cast<double>(values.size());
  for (const double v : values) squares += (v - mean) * (v - mean);
  return {mean, values.size() > 1 ? std::sqrt(squares / static_cast<double>(values.size() - 1)) : absent};
}

}  // namespace flatsweep
