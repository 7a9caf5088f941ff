#include "mlf_analysis.hpp"

#include "flatness_analysis.hpp"
#include "flatsweep/analysis/mlf_summary.hpp"
#include "flatsweep/par/agreement.hpp"
#include "layer_run.hpp"
#include "mlf_tree.hpp"
#include "study/cost/cost_shares.hpp"
#include "study/cost/network_flops.hpp"

namespace flatsweep {

namespace {

LayerDemand mlf_demand(const LayerWorkload& work) {
  const auto& options = work.config.mlf;
  const double directions = probed_directions(work.modes(), options.directions, options.spacing);
  return {.flops = mlf_flops(work, directions),
          .bytes = work.direction_bytes(),
          .result_bytes = mlf_result_bytes(work, directions)};
}

Group mlf_run(LayerRun& run) {
  const auto& options = run.config().mlf;
  const auto chosen = run.choose(options.directions, options.spacing);
  return mlf_along(run, run.pca().directions(Eigen::all, chosen), mlf_directions(chosen, known_flatness(run.results)),
                   run.fit_options(), run.checkpoint);
}

}  // namespace

double mlf_flops(const LayerWorkload& work, double directions) {
  constexpr double passes = 20.0;  // through the layers behind, with their tangents, until a minimum is found
  const double evaluation = evaluation_flops(work.network, work.layer);
  const double minimum = work.config.mlf.minima == MinimumPositions::measured ? passes * evaluation : 0.0;
  const double derivatives = 2.0 * evaluation + work.layer.product_flops() + 2.0 * work.network.classes() * directions;
  const double products = is_curved(work.network, work.layer) ? curvature_product_flops(work.network) : 0.0;
  return work.samples * directions * ((derivatives + minimum) / probe_share + products);
}

double mlf_result_bytes(const LayerWorkload& work, double directions) {
  const auto& options = work.config.mlf;
  const double of_epoch = work.iterations / work.epochs();
  const double minibatches = options.minibatches > 0 ? std::min<double>(options.minibatches, of_epoch) : of_epoch;
  return 109.0 * object_bytes + 8.0 * minibatches * (4.0 * directions + options.pairs) + 16.0 * directions * directions;
}

Group mlf_along(LayerRun& run, const Eigen::MatrixXd& directions, const MlfDirections& along, const PsiOptions& fit,
                const std::function<void(double fraction)>& checkpoint) {
  const auto [batch_size, sampling, order] = minibatches_after(run.context(), run.trained()).value();
  const auto samples =
      measure_mlf(run.team(), {run.network(), run.weights(), run.index(), run.train(), batch_size, order}, directions,
                  along, run.config().mlf, checkpoint);
  Group group;
  on_root(run.team(), [&] { group = mlf_tree(samples, along, summarise(samples, along, fit), fit); });
  return group;
}

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
