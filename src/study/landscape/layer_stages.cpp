#include "layer_stages.hpp"

#include "curvature_tree.hpp"
#include "filters_tree.hpp"
#include "first_mode_tree.hpp"
#include "flatsweep/analysis/filters.hpp"
#include "flatsweep/analysis/mlf_summary.hpp"
#include "flatsweep/analysis/window_noise.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/par/agreement.hpp"
#include "flatsweep/study/summary/unit_result.hpp"
#include "mlf_tree.hpp"
#include "nulls_tree.hpp"
#include "psi_options.hpp"
#include "result_trees.hpp"
#include "study/store/hole.hpp"
#include "study/store/stage_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>

namespace flatsweep {

std::vector<std::string> layer_analyses(const Config& config) {
  std::vector<std::string> analyses = {"pca"};
  if (config.flatness.measure) analyses.emplace_back("flatness");
  if (config.first_mode.measure) analyses.emplace_back("first_mode");
  if (config.curvature.measure) analyses.emplace_back("curvature");
  if (config.dynamics.measure) analyses.emplace_back("dynamics");
  if (config.mlf.measure) analyses.emplace_back("mlf");
  if (config.filters.measure) analyses.emplace_back("filters");
  if (config.nulls.measure) analyses.emplace_back("nulls");
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

std::string LayerStages::run() {
  const auto analyses = layer_analyses(config_);
  if (std::ranges::all_of(analyses, [this](const auto& analysis) { return have(analysis); })) return known_trouble();
  auto trouble = find_components();
  if (trouble.empty())
    analyse();
  else
    leave_holes(trouble);
  return trouble;
}

void LayerStages::analyse() {
  if (config_.flatness.measure) {
    stage("flatness", [this] { return flatness(); });
    read_flatness();
  }
  if (config_.first_mode.measure) stage("first_mode", [this] { return first_mode(); });
  if (config_.curvature.measure) stage("curvature", [this] { return curvature(); });
  if (config_.dynamics.measure) stage("dynamics", [this] { return dynamics(); });
  if (config_.mlf.measure) stage("mlf", [this] { return mlf(); });
  if (config_.filters.measure) stage("filters", [this] { return filters(); });
  if (config_.nulls.measure) stage("nulls", [this] { return nulls(); });
}

bool LayerStages::have(const std::string& analysis) const {
  return have_stage(team_, context_.folder, file_of(analysis), [&](const Group& tree) {
    check_result_stage(config_, file_of(analysis), tree);
    if (analysis == "flatness" && pca_.directions.size() > 0 && !is_hole(analysis_group(tree, analysis, layer_)))
      for (const auto& f : flatness_from_tree(analysis_group(tree, analysis, layer_)))
        if (f.direction >= pca_.directions.cols()) throw DamagedFile("a direction of flatness is not one of the PCA's");
  });
}

void LayerStages::stage(const std::string& analysis, const Analysis& run) {
  if (have(analysis)) return;
  stop_if_asked();
  context_.hooks.progress(analysis + " " + layer_, 0.0);
  const auto path = analysis + "/" + layer_;
  std::string why;
  auto tree = run_or_leave_hole(path, run, why);
  leader_does(team_, [&] { context_.folder.write(file_of(analysis), tree); });
  report(analysis, why.empty() ? incomplete(tree.group(path)) : "failed: " + why);
}

void LayerStages::report(const std::string& analysis, const std::string& what) const {
  if (!what.empty() && team_.leads())
    context_.hooks.report(fmt::format("replica {}: {} of {} {}", unit_name(context_.unit.id), analysis, layer_, what));
}

/// Of a layer that was gone through by an earlier run.
std::string LayerStages::known_trouble() const {
  std::string why;
  leader_does(team_, [&] {
    const auto pca = context_.folder.require_skeleton(file_of("pca"));
    const auto& group = analysis_group(pca, "pca", layer_);
    if (is_hole(group)) why = group.text("message");
  });
  team_.broadcast(why);
  return why;
}

void LayerStages::leave_holes(const std::string& why) {
  leader_does(team_, [&] {
    context_.folder.write(file_of("pca"), hole("pca/" + layer_, why));
    for (const auto& analysis : layer_analyses(config_))
      if (analysis != "pca")
        context_.folder.write(file_of(analysis), hole(analysis + "/" + layer_, "it needs the PCA, which failed"));
  });
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

std::int64_t LayerStages::directions_to_compute() const {
  const bool only_pca = layer_analyses(config_).size() == 1;
  return only_pca && config_.pca.directions > 0 ? std::max<std::int64_t>(config_.pca.directions, projected_modes) : 0;
}

// The analyses need all directions and results.h5 may keep fewer: PCA is done again rather than stored twice.
std::string LayerStages::find_components() {
  stop_if_asked();
  context_.hooks.progress("pca " + layer_, 0.0);
  try {
    pca_ = principal_components(team_, window_, {config_.pca.spectrum, directions_to_compute()});
  } catch (const SolverError& error) {
    return error.what();
  }
  leader_does(team_, [&] { context_.folder.write(file_of("pca"), pca_tree(layer_, pca_, config_.pca.directions)); });
  return "";
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
  auto options = psi_options(config_, replica, context_.data.shape().train_count);
  options.moving = pca_.moving;
  return options;
}

std::span<const float> LayerStages::solution() const {
  return std::span(trained_.state.weights).subspan(layer().weights, layer().size());
}

// A plain loop: the order of summation must not depend on where the numbers stand in memory.
double LayerStages::solution_norm() const {
  double squares = 0.0;
  for (const float value : solution()) squares += static_cast<double>(value) * value;
  return std::sqrt(squares);
}

Group LayerStages::flatness() {
  const auto& options = config_.flatness;
  const auto flatness =
      measure_flatness(team_, probe(), pca_.directions, choose(options.directions, options.choice), solution_norm(),
                       {options.tolerance, options.furthest}, checkpoint("flatness"));
  VarianceFlatness relation;
  relation.rounding = pca_.rounding;
  for (const auto& f : flatness) {
    relation.direction.push_back(f.direction);
    relation.variance.push_back(pca_.variance(f.direction));
    relation.flatness.push_back(f.flatness());
    relation.loss_curvature.push_back(f.loss_curvature);
  }
  return flatness_tree(layer_, flatness, pca_, fit_psi({&relation, 1}, fit_options()), probe().loss());
}

// From its file, so that what comes after is the same whether it was measured now or by an earlier run.
void LayerStages::read_flatness() {
  agree(team_, [&] {
    const auto tree = read_analysis(context_.folder, "flatness", layer_);
    if (!is_hole(tree)) flatness_ = flatness_from_tree(tree);
  });
}

Group LayerStages::first_mode() {
  return first_mode_tree(layer_, measure_first_mode(team_, probe(), pca_, solution(), context_.data.train().labels,
                                                    flatness_, config_.first_mode, checkpoint("first_mode")));
}

Group LayerStages::curvature() const {
  const auto chosen = choose(config_.curvature.directions, config_.curvature.choice);
  const auto fit = fit_options();
  const CurvatureProblem problem{network_, trained_.state.weights, index_, context_.data.train(),
                                 minibatches_after(context_, trained_)};
  return curvature_tree(layer_,
                        measure_curvature(team_, problem, pca_.directions, chosen, flatness_, config_.curvature, fit,
                                          checkpoint("curvature")),
                        fit);
}

Group LayerStages::dynamics() {
  const auto chosen = choose(config_.dynamics.directions, config_.dynamics.choice);
  const auto dynamics = measure_dynamics(team_, window_, pca_, chosen, config_.dynamics);
  const auto relation = relate(dynamics, flatness_, pca_.rounding);
  const auto noise = static_noise(chosen);
  return dynamics_tree(layer_, dynamics, noise, relation, fit_dynamics({&relation, 1}, fit_options()));
}

StaticNoise LayerStages::static_noise(const std::vector<int>& chosen) const {
  const auto& replica = context_.unit.replica;
  const auto& train = context_.data.train();
  const auto options = replica.trainer_options(config_.train);
  const GradientProblem problem{network_, index_, train, options.batch_size};
  const Sampler sampler(options.sampling, train.count(), options.batch_size, options.seed);
  const double factor = velocity_per_gradient(options.optimizer);
  StaticNoise noise;
  noise.at_solution = gradient_noise(team_, problem, trained_.state.weights, options.sampling, sampler, next_epoch(),
                                     pca_.directions, chosen);
  std::vector<FrozenWeights> frozen;
  leader_does(team_, [&] {
    if (!std::isfinite(factor) || config_.dynamics.frozen_at == 0) return;
    const auto trainer = trained_.restart_window();
    frozen = freeze_weights(*trainer, config_.window.epochs, sampler, config_.dynamics.frozen_at);
  });
  noise.in_window = window_gradient_square(team_, problem, frozen, pca_.directions, chosen);
  for (auto* route : {&noise.at_solution, &noise.in_window})
    for (double& value : *route) value *= factor;
  return noise;
}

Group LayerStages::mlf() {
  const auto& train = context_.data.train();
  const auto [batch_size, sampling, order] = minibatches_after(context_, trained_);
  const auto along = mlf_directions(choose(config_.mlf.directions, config_.mlf.choice), flatness_);
  const auto samples = measure_mlf(team_, {network_, trained_.state.weights, index_, train, batch_size, order},
                                   pca_.directions, along, config_.mlf, checkpoint("mlf"));
  return mlf_tree(layer_, samples, along, summarise(samples, along, fit_options()), fit_options());
}

Group LayerStages::filters() const {
  return filters_tree(layer_,
                      describe_filters(pca_.directions, pca_.moving, solution(), layer().outputs, layer().inputs));
}

// Of the directions whose flatness is known those nearest to even steps in ln i.
std::vector<DirectionFlatness> LayerStages::flatness_beside_nulls() const {
  std::vector<DirectionFlatness> kept;
  for (const int wanted : choose(config_.nulls.directions, DirectionChoice::log_spaced)) {
    const auto distance = [&](const DirectionFlatness& f) { return std::abs(f.direction - wanted); };
    const auto nearest = std::ranges::min_element(flatness_, {}, distance);
    if (nearest != flatness_.end() && (kept.empty() || nearest->direction > kept.back().direction))
      kept.push_back(*nearest);
  }
  return kept;
}

Group LayerStages::nulls() {
  const auto& replica = context_.unit.replica;
  const FrozenRun run{network_,
                      trained_.state.weights,
                      index_,
                      context_.data.train(),
                      replica.trainer_options(config_.train),
                      trained_.window_first_epoch,
                      config_.window.epochs};
  const auto known = flatness_beside_nulls();
  std::vector<int> directions;
  for (const auto& f : known) directions.push_back(f.direction);
  if (known.empty()) directions = choose(config_.nulls.directions, DirectionChoice::log_spaced);
  return nulls_tree(layer_, measure_nulls(team_, {run, window_, pca_, directions, known, solution_norm()}, probe(),
                                          config_.nulls, {config_.flatness.tolerance, config_.flatness.furthest},
                                          fit_options(), checkpoint("nulls")));
}

}  // namespace flatsweep
