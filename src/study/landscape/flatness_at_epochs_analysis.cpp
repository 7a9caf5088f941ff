#include "flatness_analysis.hpp"
#include "flatsweep/analysis/flatness.hpp"
#include "flatsweep/base/norm.hpp"
#include "kept_epochs.hpp"
#include "layer_analysis.hpp"
#include "layer_run.hpp"
#include "study/cost/cost_shares.hpp"
#include "study/store/tree_entries.hpp"

#include <functional>

namespace flatsweep {

namespace {

LayerDemand flatness_at_epochs_demand(const LayerWorkload& work) {
  const auto& options = work.config.flatness_at_epochs;
  const double probed = probed_directions(work.modes(), options.directions, options.spacing);
  return {.flops = work.config.at_epochs.epochs.size() * flatness_flops(work.network, work.layer, work.samples, probed),
          .bytes = work.direction_bytes(),
          .probe = LayerDemand::Probe::kept};
}

using AtEpoch = std::vector<DirectionFlatness>;

Group flatness_at_epochs_tree(const std::vector<KeptWeights>& states, const std::vector<double>& losses,
                              const std::vector<int>& chosen, const std::vector<AtEpoch>& found) {
  Group group;
  add_epochs(group, states);
  const std::vector<std::int32_t> directions(chosen.begin(), chosen.end());
  group.add("direction", std::span<const std::int32_t>(directions), {length(directions)}, {"direction"}).description =
      "number of the principal direction of the window, from 0";
  add(group, "loss", losses, {"epoch"}, "1", "mean loss over the training set");
  const auto column = [&](const char* name, const char* description, auto member) {
    std::vector<double> values;
    for (const auto& at_epoch : found)
      for (const auto& f : at_epoch) values.push_back(std::invoke(member, f));
    add(group, name, values, {length(states), length(directions)}, {"epoch", "direction"}, "1", description);
  };
  column("left", "nearest point left of the state where the loss is e times as large; NaN: never reached",
         &DirectionFlatness::left);
  column("right", "the same to the right", &DirectionFlatness::right);
  column("flatness", "F_i = right - left at the state", &DirectionFlatness::flatness);
  column("slope", "d ln L / d theta at the state", &DirectionFlatness::slope);
  column("loss_curvature", "p_i^T H p_i, H the Hessian of the loss at the state", &DirectionFlatness::loss_curvature);
  return group;
}

Group flatness_at_epochs_run(LayerRun& run) {
  const auto& options = run.config().flatness_at_epochs;
  const auto& flatness = run.config().flatness;
  const auto chosen = run.choose(options.directions, options.spacing);
  const auto states = kept_weights(run.team(), run.context());
  std::vector<double> losses;
  std::vector<AtEpoch> found;
  for (std::size_t i = 0; i < states.size(); ++i) {
    const std::span<const float> weights = states[i].weights;
    LayerProbe probe(run.network(), weights, run.index(), run.train());
    losses.push_back(probe.loss());
    found.push_back(measure_flatness(run.team(), probe, run.pca().directions, chosen,
                                     euclidean_norm(weights.subspan(run.layer().weights, run.layer().size())),
                                     {flatness.tolerance, flatness.max_displacement},
                                     [&](double fraction) { run.checkpoint((i + fraction) / states.size()); }));
  }
  return flatness_at_epochs_tree(states, losses, chosen, found);
}

}  // namespace

LayerAnalysis flatness_at_epochs_analysis() {
  return {.name = "flatness_at_epochs",
          .needs = {"pca"},
          .takes = {"at_epochs", "flatness.tolerance", "flatness.max_displacement"},
          .enabled = [](const Config& config) { return config.flatness_at_epochs.enabled; },
          .demand = flatness_at_epochs_demand,
          .run = flatness_at_epochs_run};
}

}  // namespace flatsweep
