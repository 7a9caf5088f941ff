#include "flatness_analysis.hpp"
#include "flatsweep/analysis/flatness.hpp"
#include "flatsweep/base/column_of.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/base/norm.hpp"
#include "flatsweep/base/numbers.hpp"
#include "flatsweep/linalg/entries.hpp"
#include "flatsweep/par/agreement.hpp"
#include "kept_epochs.hpp"
#include "layer_analysis.hpp"
#include "layer_run.hpp"
#include "pca_analysis.hpp"
#include "study/cost/cost_shares.hpp"
#include "study/store/tree_entries.hpp"

#include <algorithm>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace flatsweep {

namespace {

LayerDemand flatness_at_epochs_demand(const LayerWorkload& work) {
  const auto& options = work.config.flatness_at_epochs;
  const double probed = probed_directions(work.modes(), options.directions, options.spacing);
  const double epochs = work.config.at_epochs.epochs.size();
  const double flatness = flatness_flops(work.network, work.layer, work.samples, probed);
  LayerDemand demand{.bytes = work.direction_bytes(), .probe = LayerDemand::Probe::kept};
  if (options.along_final()) demand.flops += epochs * flatness;
  demand.result_bytes = 8.0 * object_bytes + 40.0 * epochs * probed;
  if (!options.along_local()) return demand;
  const auto pca = pca_analysis().demand(work);
  const double training = work.epochs() * work.samples * work.network.training_flops() / training_share;
  demand.flops += epochs * (training + pca.flops + flatness);
  demand.bytes += 4.0 * work.iterations * work.size() + pca.bytes;
  demand.result_bytes += epochs * probed * (48.0 + 8.0 * work.size());
  return demand;
}

using AtEpoch = std::vector<DirectionFlatness>;

/// Of the window that begins at a state, along the directions that are looked at; NaN for those that it lacks.
struct LocalWindow {
  std::vector<double> variance;
  Eigen::MatrixXd directions;  // (N, n), in memory the rows of (n, N)
  double rounding = 0.0;
  int moving = 0;
};

LocalWindow at_directions(const Pca& pca, const std::vector<int>& directions) {
  LocalWindow part{
      {}, Eigen::MatrixXd::Constant(pca.directions.rows(), std::ssize(directions), nan), pca.rounding, pca.moving};
  for (std::size_t i = 0; i < directions.size(); ++i) {
    const bool there = directions[i] < pca.directions.cols();
    part.variance.push_back(there ? pca.variance(directions[i]) : nan);
    if (there) part.directions.col(i) = pca.directions.col(directions[i]);
  }
  return part;
}

/// What was found at the states along the same numbers of directions. Local ones may be fewer.
struct FlatnessAtEpochs {
  std::vector<int> direction;
  std::vector<double> loss;
  std::vector<AtEpoch> along_final, along_local;
  std::vector<LocalWindow> local;
};

/// A row for every state, NaN for directions that there are not.
std::vector<double> rows_at_epochs(const std::vector<AtEpoch>& found, const std::vector<int>& directions, auto value) {
  std::vector<double> rows;
  for (const auto& at_epoch : found)
    for (const int direction : directions) {
      const auto f = std::ranges::find(at_epoch, direction, &DirectionFlatness::direction);
      rows.push_back(f == at_epoch.end() ? nan : std::invoke(value, *f));
    }
  return rows;
}

/// @param prefix of the names   @param p a direction as descriptions call it
void add_flatness_rows(Group& group, const std::vector<AtEpoch>& found, const std::vector<int>& directions,
                       const std::string& prefix, const std::string& p) {
  const auto column = [&](const char* name, const std::string& description, auto value) {
    add(group, prefix + name, rows_at_epochs(found, directions, value), {length(found), length(directions)},
        {"epoch", "direction"}, "1", description);
  };
  column("left",
         "nearest point left of the state along " + p + " where the loss is e times as large; NaN: never reached",
         &DirectionFlatness::left);
  column("right",
         "nearest point right of the state along " + p + " where the loss is e times as large; NaN: never reached",
         &DirectionFlatness::right);
  column("flatness", "F_i = right - left along " + p + " at the state", &DirectionFlatness::flatness);
  column("slope", "d ln L / d theta along " + p + " at the state", &DirectionFlatness::slope);
  column("loss_curvature", p + "^T H " + p + ", H the Hessian of the loss at the state",
         &DirectionFlatness::loss_curvature);
}

void add_local_windows(Group& group, const FlatnessAtEpochs& found) {
  std::vector<double> variance, vectors;
  for (const auto& window : found.local) {
    variance.insert(variance.end(), window.variance.begin(), window.variance.end());
    const auto rows = entries(window.directions);
    vectors.insert(vectors.end(), rows.begin(), rows.end());
  }
  const auto epochs = length(found.local), count = length(found.direction);
  add(group, "local_variance", variance, {epochs, count}, {"epoch", "direction"}, "1",
      "sigma_i^2 along q_i over the window that begins at the state; NaN where it has fewer directions");
  add(group, "local_directions", vectors, {epochs, count, found.local.empty() ? 0 : vectors.size() / (epochs * count)},
      {"epoch", "direction", "weight"}, "1",
      "q_i, principal directions of the window that begins at the state and is as long as the run's, oriented as "
      "those");
  add(group, "local_rounding_variance", column_of(found.local, &LocalWindow::rounding), {"epoch"}, "1",
      "a variance up to this may be rounding in the window that begins at the state");
  add_integers(group, "local_moving", column_of(found.local, &LocalWindow::moving), "epoch", "1",
               "number of leading directions with a variance above local_rounding_variance");
}

Group flatness_at_epochs_tree(const std::vector<KeptWeights>& states, const FlatnessAtEpochs& found,
                              const FlatnessAtEpochsConfig& options) {
  Group group;
  add_epochs(group, states);
  add_directions(group, found.direction);
  add(group, "loss", found.loss, {"epoch"}, "1", "mean loss over the training set");
  if (options.along_final()) add_flatness_rows(group, found.along_final, found.direction, "", "p_i");
  if (!options.along_local()) return group;
  add_flatness_rows(group, found.along_local, found.direction, "local_", "q_i");
  add_local_windows(group, found);
  return group;
}

/// Of the window that begins at the state.
Pca local_pca(LayerRun& run, std::int64_t epoch) {
  SnapshotSource window;
  on_root(run.team(), [&] { window = window_from(run.context(), run.trained(), epoch, run.layer().weight_block()); });
  return principal_components(run.team(), window, {run.config().pca.spectrum});
}

Group flatness_at_epochs_run(LayerRun& run) {
  const auto& options = run.config().flatness_at_epochs;
  const auto& flatness = run.config().flatness;
  const auto states = kept_weights(run.team(), run.context());
  FlatnessAtEpochs found;
  found.direction = run.choose(options.directions, options.spacing);
  const double steps = states.size() * (options.along == PrincipalDirections::both ? 2.0 : 1.0);
  double done = 0.0;
  for (const auto& [epoch, all_weights] : states) {
    const std::span<const float> weights = all_weights;
    LayerProbe probe(run.network(), weights, run.index(), run.train());
    found.loss.push_back(probe.loss());
    const double norm = euclidean_norm(weights.subspan(run.layer().weights, run.layer().size()));
    const auto along = [&](const Eigen::MatrixXd& directions) {
      auto there = found.direction;
      std::erase_if(there, [&](int direction) { return direction >= directions.cols(); });
      auto measured =
          measure_flatness(run.team(), probe, directions, there, norm, {flatness.tolerance, flatness.max_displacement},
                           [&](double fraction) { run.checkpoint((done + fraction) / steps); });
      done += 1.0;
      return measured;
    };
    if (options.along_final()) found.along_final.push_back(along(run.pca().directions));
    if (!options.along_local()) continue;
    const auto pca = local_pca(run, epoch);
    found.local.push_back(at_directions(pca, found.direction));
    found.along_local.push_back(along(pca.directions));
  }
  return run.team().is_root() ? flatness_at_epochs_tree(states, found, options) : Group{};
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
