#include "nulls_analysis.hpp"

#include "flatness_analysis.hpp"
#include "flatsweep/base/column_of.hpp"
#include "landscape_summary.hpp"
#include "layer_analysis.hpp"
#include "layer_run.hpp"
#include "nulls_tree.hpp"
#include "pca_analysis.hpp"
#include "study/cost/cost_shares.hpp"
#include "study/store/hole.hpp"
#include "study/store/tree_entries.hpp"
#include "terminal_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace flatsweep {

namespace {

/// The walk is gone through three times, once by PCA; the last half and the scan, which begins with it, are PCAs of
/// shorter windows.
double nulls_flops(const LayerWorkload& work) {
  const auto& options = work.config.nulls;
  const double directions = probed_directions(work.modes(), options.directions, DirectionChoice::log_spaced);
  double flops = 0.0;
  if (options.walk)
    flops += 3.0 * work.epochs() * work.samples * work.network.training_flops() / training_share +
             pca_flops(work.iterations, work.size());
  const int halvings = std::max(options.scan_halvings, options.held_out ? 1 : 0);
  for (int halving = 1; halving <= halvings; ++halving)
    flops += pca_flops(work.iterations / static_cast<double>(1 << halving), work.size());
  const double probed = (options.walk && options.walk_flatness ? 1.0 : 0.0) + (options.held_out ? 1.0 : 0.0);
  return flops + probed * flatness_flops(work.network, work.layer, work.samples, directions);
}

/// What gradients at w_0 are made of, where it is kept.
double frozen_bytes(const LayerWorkload& work) {
  constexpr double most = 0x1.0p28;
  const auto& layer = work.layer;
  if (layer.convolution || !work.config.nulls.walk) return 0.0;
  return std::min(4.0 * work.samples * (layer.inputs + layer.outputs), most);
}

/// The principal directions, those looked at of the walk and of the last half, and one more PCA.
double nulls_bytes(const LayerWorkload& work) {
  const auto& options = work.config.nulls;
  const double size = work.size(), iterations = work.iterations;
  const double part = options.scan_halvings > 0 || options.held_out ? pca_bytes(0.5 * iterations, size, 0.0) : 0.0;
  const double walk = options.walk ? pca_bytes(iterations, size, 0.0) : 0.0;
  const double directions = probed_directions(work.modes(), options.directions, DirectionChoice::log_spaced);
  return work.direction_bytes() + 16.0 * size * directions + frozen_bytes(work) + std::max(walk, part);
}

Group nulls_run(LayerRun& run) {
  const auto& config = run.config();
  const auto frozen = run.frozen();
  const auto known = flatness_beside(run, config.nulls.directions, DirectionChoice::log_spaced);
  const auto directions = known.empty() ? run.choose(config.nulls.directions, DirectionChoice::log_spaced)
                                        : column_of(known, &DirectionFlatness::direction);
  auto options = config.nulls;
  options.walk = options.walk && run.unrecorded(Record::steps).empty();
  auto group = nulls_tree(measure_nulls(
      run.team(), {frozen, run.window(), run.pca(), directions, known, run.solution_norm()}, run.probe(), options,
      {config.flatness.tolerance, config.flatness.max_displacement}, run.fit_options(), run.checkpoint));
  if (config.nulls.walk) mark_absent_parts(group, "the noise walk", run.unrecorded(Record::steps));
  return group;
}

void nulls_read(const Group& group, AnalysisResults& results) {
  NullExponents found{exponent_from(group, "walk_psi"),
                      exponent_from(group, "fresh_walk_psi"),
                      exponent_from(group, "half_psi"),
                      exponent_from(group, "held_out_psi"),
                      {}};
  if (group.attribute("walk_reason") != nullptr) found.walk_reason = group.text("walk_reason");
  results.set(found);
}

void nulls_pool(const std::vector<const AnalysisResults*>& seeds, const PsiOptions&, AnalysisResults& pooled) {
  NullExponents all;
  for (const auto member :
       {&NullExponents::walk, &NullExponents::fresh, &NullExponents::half, &NullExponents::held_out}) {
    std::vector<Exponent> exponents;
    for (const auto* seed : seeds)
      if (const auto* nulls = seed->find<NullExponents>()) exponents.push_back(nulls->*member);
    all.*member = over_seeds(exponents);
  }
  for (const auto* seed : seeds)
    if (const auto* nulls = seed->find<NullExponents>(); nulls != nullptr && !nulls->walk_reason.empty())
      all.walk_reason = nulls->walk_reason;
  pooled.set(all);
}

const NullExponents& nulls_of(const GridPointSummary& point) { return pooled<NullExponents>(point); }

SummaryColumns nulls_columns() {
  return {{"walk_psi", "1", "psi of a walk of the gradient noise at w_0 along its own directions, mean over seeds",
           [](const GridPointSummary& p) { return nulls_of(p).walk; }},
          {"fresh_walk_psi", "1", "psi of a walk of other minibatches along the measured directions, mean over seeds",
           [](const GridPointSummary& p) { return nulls_of(p).fresh; }},
          {"half_psi", "1", "psi from directions and variance of one half of the window, mean over seeds",
           [](const GridPointSummary& p) { return nulls_of(p).half; }},
          {"held_out_psi", "1",
           "psi from directions of one half of the window and variance in the other half, mean over seeds",
           [](const GridPointSummary& p) { return nulls_of(p).held_out; }}};
}

void nulls_notes(const GridPointSummary& point, std::vector<std::string>& lines) {
  const auto& nulls = nulls_of(point);
  if (!nulls.walk_reason.empty()) lines.push_back("no gradient noise, and no walk of it: " + nulls.walk_reason);
  if (nulls.walk.status != FitStatus::not_measured)
    lines.push_back(fmt::format("psi of a noise walk {}", in_words(nulls.walk)));
  if (nulls.held_out.status != FitStatus::not_measured)
    lines.push_back(fmt::format("psi with directions from the other half of the window {}", in_words(nulls.held_out)));
}

LayerDemand nulls_demand(const LayerWorkload& work) {
  return {.flops = nulls_flops(work),
          .bytes = nulls_bytes(work),
          .probe = LayerDemand::Probe::kept,
          .result_bytes = 36.0 * object_bytes + 24.0 * work.modes()};
}

}  // namespace

LayerAnalysis nulls_analysis() {
  return {.name = "nulls",
          .needs = {"pca"},
          .takes = {"flatness"},
          .records = {Record::trajectory},
          .enabled = [](const Config& config) { return config.nulls.enabled; },
          .demand = nulls_demand,
          .run = nulls_run,
          .read = nulls_read,
          .summary = {.pool = nulls_pool, .columns = nulls_columns(), .notes = nulls_notes}};
}

}  // namespace flatsweep
