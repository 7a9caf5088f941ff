#include "flatsweep/analysis/dynamics_fit.hpp"

#include "flatsweep/base/numbers.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

namespace flatsweep {

namespace {

bool enters_dynamics_fit(const DynamicsRelation& replica, std::size_t i, const PsiOptions& options) {
  return options.takes(replica.direction[i]) && replica.variance[i] > replica.rounding &&
         is_positive(replica.flatness[i]) && is_positive(replica.variance[i]) && is_positive(replica.noise_strength[i]);
}

bool has_flatness(const DynamicsRelation& replica) {
  return std::ranges::any_of(replica.flatness, [](double f) { return std::isfinite(f); });
}

Exponent fit_quantity(std::span<const DynamicsRelation> replicas, const PsiOptions& options,
                      std::vector<double> DynamicsRelation::*quantity) {
  std::vector<PowerLawSample> samples;
  for (const auto& replica : replicas) {
    if (!has_flatness(replica)) continue;
    auto& sample = samples.emplace_back();
    for (std::size_t i = 0; i < replica.direction.size(); ++i) {
      if (!enters_dynamics_fit(replica, i, options)) continue;
      sample.x.push_back(replica.flatness[i]);
      sample.y.push_back((replica.*quantity)[i]);
    }
  }
  return negated(fit_power_law(samples));
}

}  // namespace

DynamicsRelation relate(const Dynamics& dynamics, const std::vector<DirectionFlatness>& flatness, double rounding) {
  DynamicsRelation relation{
      dynamics.direction, dynamics.variance, dynamics.noise_strength, dynamics.tau, dynamics.tau_window, {}, rounding};
  for (const int direction : dynamics.direction) {
    const auto found = std::ranges::find(flatness, direction, &DirectionFlatness::direction);
    relation.flatness.push_back(found == flatness.end() ? nan : found->flatness());
  }
  return relation;
}

DynamicsFit fit_dynamics(std::span<const DynamicsRelation> replicas, const PsiOptions& options) {
  DynamicsFit result;
  result.fit_first = options.fit_first;
  result.fit_last = options.fit_last;
  result.psi = fit_quantity(replicas, options, &DynamicsRelation::variance);
  result.psi_d = fit_quantity(replicas, options, &DynamicsRelation::noise_strength);
  result.psi_tau = fit_quantity(replicas, options, &DynamicsRelation::tau);
  result.psi_tau_window = fit_quantity(replicas, options, &DynamicsRelation::tau_window);
  return result;
}

}  // namespace flatsweep
