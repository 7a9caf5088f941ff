#include "flatsweep/analysis/psi.hpp"

#include "flatsweep/analysis/flatness.hpp"
#include "flatsweep/analysis/pca.hpp"
#include "flatsweep/base/numbers.hpp"

#include <cmath>
#include <functional>
#include <limits>
#include <utility>

namespace flatsweep {

namespace {

/// Does direction number i of the replica move, and lie in the fit range?
bool moves_in_range(const VarianceFlatness& replica, std::size_t i, const PsiOptions& options) {
  return options.takes(replica.direction[i]) && replica.variance[i] > replica.rounding;
}

Exponent fit_where(std::span<const VarianceFlatness> replicas, const PsiOptions& options,
                   const std::function<bool(double curvature)>& wanted) {
  std::vector<PowerLawSample> samples;
  for (const auto& replica : replicas) {
    PowerLawSample sample;
    for (std::size_t i = 0; i < replica.direction.size(); ++i) {
      if (!moves_in_range(replica, i, options) || !wanted(replica.loss_curvature[i])) continue;
      sample.x.push_back(replica.flatness[i]);
      sample.y.push_back(replica.variance[i]);
    }
    samples.push_back(std::move(sample));
  }
  return negated(fit_power_law(samples));
}

}  // namespace

VarianceFlatness relate(std::span<const DirectionFlatness> flatness, const Pca& pca) {
  VarianceFlatness relation;
  relation.rounding = pca.rounding;
  for (const auto& f : flatness) {
    relation.direction.push_back(f.direction);
    relation.variance.push_back(pca.variance(f.direction));
    relation.flatness.push_back(f.flatness());
    relation.loss_curvature.push_back(f.loss_curvature);
  }
  return relation;
}

PsiFit fit_psi(std::span<const VarianceFlatness> replicas, const PsiOptions& options) {
  PsiFit fit;
  fit.crossover = options.crossover;
  fit.fit_first = options.fit_first;
  fit.fit_last = options.fit_last;
  fit.all = fit_where(replicas, options, [](double) { return true; });
  if (std::isnan(options.crossover)) return fit;  // none is known: there are no sides
  fit.below = fit_where(replicas, options, [&](double curvature) { return curvature < options.crossover; });
  fit.above = fit_where(replicas, options, [&](double curvature) { return curvature >= options.crossover; });
  return fit;
}

double flatness_prediction_error(const VarianceFlatness& replica, const PsiOptions& options, double psi) {
  double sum = 0.0, squares = 0.0;
  int count = 0;
  for (std::size_t i = 0; i < replica.direction.size(); ++i) {
    if (!moves_in_range(replica, i, options) || !is_positive(replica.flatness[i]) || !is_positive(replica.variance[i]))
      continue;
    const double excess = std::log(replica.flatness[i]) + std::log(replica.variance[i]) / psi;
    sum += excess;
    squares += excess * excess;
    ++count;
  }
  if (count < 2) return nan;
  const double mean = sum / count;
  return std::sqrt(std::max(0.0, squares / count - mean * mean));
}

}  // namespace flatsweep
