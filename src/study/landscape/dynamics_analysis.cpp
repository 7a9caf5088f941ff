#include "dynamics_tree.hpp"
#include "flatness_analysis.hpp"
#include "flatsweep/base/numbers.hpp"
#include "landscape_summary.hpp"
#include "layer_analysis.hpp"
#include "layer_run.hpp"
#include "study/cost/cost_shares.hpp"
#include "study/store/hole.hpp"
#include "terminal_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace flatsweep {

namespace {

double directions_followed(const LayerWorkload& work) {
  return probed_directions(work.modes(), work.config.dynamics.directions, work.config.dynamics.spacing);
}

/// Projection of the window, the window once more, and the gradients of half an epoch at every frozen point, projected
/// or, where that is less, their products.
double dynamics_flops(const LayerWorkload& work) {
  const double frozen_points = std::min<double>(work.config.dynamics.frozen_points, work.iterations);
  const double frozen_epochs = 1.0 + 0.5 * frozen_points + (frozen_points > 0.0 ? work.epochs() : 0.0);
  const double gradients = work.iterations * 0.5 * frozen_points / work.epochs(), size = work.size();
  const double projection = 2.0 * size * directions_followed(work);
  const double noise = std::min(gradients * projection, gradients * size * size + size * projection);
  return (work.iterations * projection + noise) / covariance_share +
         frozen_epochs * work.samples * work.network.training_flops() / training_share;
}

/// The principal directions and, in panels, the chosen ones with their projections; what is kept of every direction is
/// collected twice.
double dynamics_bytes(const LayerWorkload& work) {
  constexpr double budget = 0x1.0p30, curves = 4.0;
  const double directions = directions_followed(work);
  const double kept = curves * std::min<double>(work.config.dynamics.lags, work.iterations);
  return work.direction_bytes() +
         std::min(8.0 * work.iterations * directions, budget) * (1.0 + work.size() / work.iterations) +
         16.0 * directions * kept;
}

/// The routes that do not look at velocities; NaN where what they take is not known.
StaticNoise noise_of(LayerRun& run, const std::vector<int>& chosen) {
  const bool replays = run.unrecorded(Record::replay).empty();
  if (run.unrecorded(Record::steps).empty())
    return static_noise(run.team(), run.frozen(), run.trained().restart_window, run.directions(), chosen,
                        replays ? run.config().dynamics.frozen_points : 0);
  const std::vector<double> unknown(chosen.size(), nan);
  return {unknown, unknown};
}

Group dynamics_run(LayerRun& run) {
  const auto& options = run.config().dynamics;
  const auto chosen = run.choose(options.directions, options.spacing);
  const auto dynamics = measure_dynamics(run.team(), run.window(), run.pca(), chosen, options);
  const auto relation = relate(dynamics, known_flatness(run.results), run.pca().rounding);
  const auto noise = noise_of(run, chosen);
  auto group = dynamics_tree(dynamics, noise, relation, fit_dynamics({&relation, 1}, run.fit_options()));
  mark_absent_parts(group, "noise_strength_static", run.unrecorded(Record::steps));
  mark_absent_parts(group, "noise_strength_window", run.unrecorded(Record::replay));
  return group;
}

void dynamics_read(const Group& group, AnalysisResults& results) { results.set(dynamics_from_tree(group)); }

void dynamics_pool(const std::vector<const AnalysisResults*>& seeds, const PsiOptions& options,
                   AnalysisResults& pooled) {
  std::vector<DynamicsRelation> relations;
  for (const auto* seed : seeds)
    if (const auto* dynamics = seed->find<DynamicsRelation>()) relations.push_back(*dynamics);
  pooled.set(fit_dynamics(relations, options));
}

const DynamicsFit& dynamics_of(const GridPointSummary& point) { return pooled<DynamicsFit>(point); }

SummaryColumns dynamics_columns() {
  return {{"psi_d", "1", "exponent psi_D of the noise strength against flatness, mean over seeds",
           [](const GridPointSummary& p) { return dynamics_of(p).psi_d; }},
          {"psi_tau", "1", "exponent psi_tau of tau = sigma^2/D against flatness, mean over seeds",
           [](const GridPointSummary& p) { return dynamics_of(p).psi_tau; }},
          {"psi_tau_window", "1", "exponent of tau of eq. S19 as printed against flatness, mean over seeds",
           [](const GridPointSummary& p) { return dynamics_of(p).psi_tau_window; }},
          {"psi_same_directions", "1",
           "exponent psi of variance against flatness over the directions of psi_D and psi_tau, mean over seeds",
           [](const GridPointSummary& p) { return dynamics_of(p).psi; }}};
}

void dynamics_notes(const GridPointSummary& point, std::vector<std::string>& lines) {
  const auto& fit = dynamics_of(point);
  if (std::isfinite(fit.psi_d.value))
    lines.push_back(fmt::format("psi_D = {}; psi_tau = {}", in_words(fit.psi_d), in_words(fit.psi_tau)));
}

LayerDemand dynamics_demand(const LayerWorkload& work) {
  constexpr double curves = 4.0, columns = 11.0;
  const double lags = std::min<double>(0.7 * work.config.dynamics.lags, work.iterations);  // the first ones coincide
  return {.flops = dynamics_flops(work),
          .bytes = dynamics_bytes(work),
          .result_bytes = 16.0 * object_bytes + 8.0 * directions_followed(work) * (curves * lags + columns)};
}

}  // namespace

LayerAnalysis dynamics_analysis() {
  return {.name = "dynamics",
          .needs = {"pca"},
          .takes = {"flatness"},
          .records = {Record::trajectory, Record::stride},
          .enabled = [](const Config& config) { return config.dynamics.enabled; },
          .demand = dynamics_demand,
          .run = dynamics_run,
          .read = dynamics_read,
          .summary = {.pool = dynamics_pool, .columns = dynamics_columns(), .notes = dynamics_notes}};
}

}  // namespace flatsweep
