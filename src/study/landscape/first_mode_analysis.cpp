#include "first_mode_tree.hpp"
#include "flatness_analysis.hpp"
#include "layer_analysis.hpp"
#include "layer_run.hpp"
#include "study/cost/cost_shares.hpp"

#include <algorithm>

namespace flatsweep {

namespace {

/// Every mode has the common points and as many of its own, mode 1 the gaps' as well.
LayerDemand first_mode_demand(const LayerWorkload& work) {
  const auto& options = work.config.first_mode;
  const double modes = std::min<double>(options.modes, work.size());
  const double losses = options.points * (2.0 * modes + 1.0);
  const double per_sample =
      losses * evaluation_flops(work.network, work.layer) + 4.0 * modes * work.layer.product_flops();
  return {.flops = work.samples * per_sample / probe_share,
          .bytes = work.direction_bytes(),
          .probe = LayerDemand::Probe::kept,
          .result_bytes =
              22.0 * object_bytes + std::min<double>(options.samples, work.samples) * (8.0 * options.points + 52.0)};
}

Group first_mode_run(LayerRun& run) {
  return first_mode_tree(measure_first_mode(run.team(), run.probe(), run.pca(), run.solution(), run.train().labels,
                                            known_flatness(run.results), run.config().first_mode, run.checkpoint));
}

}  // namespace

LayerAnalysis first_mode_analysis() {
  return {.name = "first_mode",
          .needs = {"pca"},
          .takes = {"flatness"},
          .records = {Record::trajectory, Record::classes},
          .enabled = [](const Config& config) { return config.first_mode.enabled; },
          .demand = first_mode_demand,
          .run = first_mode_run};
}

}  // namespace flatsweep
