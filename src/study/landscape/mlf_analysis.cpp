#include "flatness_analysis.hpp"
#include "flatsweep/analysis/mlf_summary.hpp"
#include "layer_analysis.hpp"
#include "layer_run.hpp"
#include "mlf_tree.hpp"
#include "study/cost/cost_shares.hpp"
#include "study/cost/network_flops.hpp"

namespace flatsweep {

namespace {

LayerDemand mlf_demand(const LayerWorkload& work) {
  constexpr double passes = 20.0;  // through the layers behind, with their tangents, until a minimum is found
  const auto& options = work.config.mlf;
  const double directions = probed_directions(work.modes(), options.directions, options.spacing);
  const double of_epoch = work.iterations / work.epochs();
  const double minibatches = options.minibatches > 0 ? std::min<double>(options.minibatches, of_epoch) : of_epoch;
  const double evaluation = evaluation_flops(work.network, work.layer);
  const double minimum = options.minima == MinimumPositions::measured ? passes * evaluation : 0.0;
  const double derivatives = 2.0 * evaluation + work.layer.product_flops() + 2.0 * work.network.classes() * directions;
  const double products = is_curved(work.network, work.layer) ? curvature_product_flops(work.network) : 0.0;
  return {.flops = work.samples * directions * ((derivatives + minimum) / probe_share + products),
          .bytes = work.direction_bytes(),
          .result_bytes = 109.0 * object_bytes + 8.0 * minibatches * (4.0 * directions + options.pairs) +
                          16.0 * directions * directions};
}

Group mlf_run(LayerRun& run) {
  const auto& options = run.config().mlf;
  const auto [batch_size, sampling, order] = minibatches_after(run.context(), run.trained()).value();
  const auto along = mlf_directions(run.choose(options.directions, options.spacing), known_flatness(run.results));
  const auto samples =
      measure_mlf(run.team(), {run.network(), run.weights(), run.index(), run.train(), batch_size, order},
                  run.pca().directions, along, options, run.checkpoint);
  return mlf_tree(samples, along, summarise(samples, along, run.fit_options()), run.fit_options());
}

}  // namespace

LayerAnalysis mlf_analysis() {
  return {.name = "mlf",
          .needs = {"pca"},
          .takes = {"flatness"},
          .records = {Record::trajectory, Record::minibatches},
          .enabled = [](const Config& config) { return config.mlf.enabled; },
          .demand = mlf_demand,
          .run = mlf_run};
}

}  // namespace flatsweep
