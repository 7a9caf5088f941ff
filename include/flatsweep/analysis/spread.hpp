#pragma once

#include "flatsweep/analysis/student.hpp"
#include "flatsweep/base/numbers.hpp"

#include <cmath>
#include <vector>

namespace flatsweep {

/// Of one number over seeds.
struct Spread {
  double mean = nan;
  double std = nan;  // of a sample, n - 1
};

inline Spread spread(const std::vector<double>& values) {
  if (values.empty()) return {};
  double sum = 0.0, squares = 0.0;
  for (const double v : values) sum += v;
  const double mean = sum / values.size();
  for (const double v : values) squares += (v - mean) * (v - mean);
  return {mean, values.size() > 1 ? std::sqrt(squares / (values.size() - 1)) : nan};
}

/// A mean over seeds, and its standard error.
struct SeedMean {
  double value = nan;
  double error = nan;
  int seeds = 0;

  /// Half of Student's 95 % interval of the mean; NaN below three seeds, which do not tell how seeds differ.
  [[nodiscard]] double half_width() const { return seeds < 3 ? nan : t_factor(seeds - 1.0) * error; }
};

/// Over the seeds that have a number.
inline SeedMean seed_mean(std::vector<double> values) {
  std::erase_if(values, [](double v) { return !std::isfinite(v); });
  const auto [mean, std] = spread(values);
  return {mean, std / std::sqrt(values.size()), static_cast<int>(values.size())};
}

}  // namespace flatsweep
