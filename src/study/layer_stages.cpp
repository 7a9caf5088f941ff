#include "layer_stages.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/par/agreement.hpp"
#include "psi_options.hpp"
#include "result_trees.hpp"

#include <algorithm>
#include <cmath>
#include <span>

namespace flatsweep {

std::vector<std::string> layer_analyses(const Config& config) {
  std::vector<std::string> analyses = {"pca"};
  if (config.flatness.measure) analyses.emplace_back("flatness");
  return analyses;
}

LayerStages::LayerStages(const Communicator& team, const UnitContext& context, const TrainedUnit& trained,
                         std::size_t index)
    : team_(team),
      context_(context),
      config_(context.config),
      trained_(trained),
      layer_(context.config.pca.layers[index]),
      network_(context.unit.replica.network(context.data.shape())),
      index_(network_.index_of(layer_)),
      window_(trained.windows[index]) {}

void LayerStages::run() {
  const auto analyses = layer_analyses(config_);
  if (std::ranges::all_of(analyses, [this](const auto& analysis) { return have(analysis); })) return;
  find_components();
  if (config_.flatness.measure) stage("flatness", [this] { return flatness(); });
  probe_.reset();
}

bool LayerStages::have(const std::string& analysis) const {
  bool found = false;
  leader_does(team_, [&] { found = context_.folder.read(file_of(analysis)).has_value(); });
  return team_.any(found);
}

void LayerStages::stage(const std::string& analysis, const Analysis& run) {
  if (have(analysis)) return;
  stop_if_asked();
  context_.hooks.progress(analysis + " " + layer_, 0.0);
  const auto tree = run();
  leader_does(team_, [&] { context_.folder.write(file_of(analysis), tree); });
}

void LayerStages::stop_if_asked() const {
  if (team_.any(context_.hooks.stop_requested())) throw_error(ErrorKind::stopped, stop_message, true);
}

std::function<void(double)> LayerStages::checkpoint(const std::string& analysis) const {
  return [this, analysis](double fraction) {
    context_.hooks.progress(analysis + " " + layer_, fraction);
    if (context_.hooks.stop_requested()) throw Stopped(stop_message);
  };
}

// The analyses need all directions and results.h5 may keep fewer: PCA is done again rather than stored twice.
void LayerStages::find_components() {
  stop_if_asked();
  context_.hooks.progress("pca " + layer_, 0.0);
  pca_ = principal_components(team_, window_);
  leader_does(team_, [&] { context_.folder.write(file_of("pca"), pca_tree(layer_, pca_, config_.pca.directions)); });
}

LayerProbe& LayerStages::probe() {
  if (!probe_) probe_.emplace(network_, trained_.state.weights, index_, context_.data.train());
  return *probe_;
}

std::vector<int> LayerStages::choose(std::int64_t count, DirectionChoice choice) const {
  return choose_directions(static_cast<int>(pca_.directions.cols()), static_cast<int>(count), choice);
}

PsiOptions LayerStages::fit_options() const {
  const auto& replica = context_.unit.replica;
  return psi_options(config_, replica, replica.iterations_per_epoch(context_.data.shape()));
}

// A plain loop: the order of summation must not depend on where the numbers stand in memory.
double LayerStages::solution_norm() const {
  const auto& block = network_.layers[static_cast<std::size_t>(index_)];
  double squares = 0.0;
  for (const float value : std::span(trained_.state.weights).subspan(block.weights, block.size()))
    squares += static_cast<double>(value) * value;
  return std::sqrt(squares);
}

Group LayerStages::flatness() {
  const auto& options = config_.flatness;
  const auto flatness =
      measure_flatness(team_, probe(), pca_.directions, choose(options.directions, options.choice), solution_norm(),
                       {options.tolerance, options.furthest}, checkpoint("flatness"));
  VarianceFlatness relation;
  for (const auto& f : flatness) {
    relation.direction.push_back(f.direction);
    relation.variance.push_back(pca_.variance(f.direction));
    relation.flatness.push_back(f.flatness());
    relation.loss_curvature.push_back(f.loss_curvature);
  }
  return flatness_tree(layer_, flatness, pca_.variance, fit_psi({&relation, 1}, fit_options()), probe().loss());
}

}  // namespace flatsweep
