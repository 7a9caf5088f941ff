#include "landscape.hpp"

#include "analyses.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/par/agreement.hpp"
#include "landscape_cost.hpp"
#include "landscape_summary.hpp"
#include "layer_stages.hpp"
#include "psi_flags.hpp"
#include "study/store/hole.hpp"
#include "study/store/stage_files.hpp"
#include "study/unit/training_stage.hpp"
#include "study/unit/training_tree.hpp"
#include "study/unit/unit_record.hpp"
#include "study/unit/window_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace flatsweep {

namespace {

/// One unit's way through the stages, on every rank of the team. Rank 0 alone touches files.
class LandscapePipeline {
 public:
  LandscapePipeline(const Communicator& team, const UnitContext& context, TrainedUnit trained)
      : team_(team), context_(context), config_(context.config), trained_(std::move(trained)) {}

  UnitOutcome run() {
    if (auto ended = outcome_without_window(trained_)) return std::move(*ended);
    const auto troubles = analyse_layers();
    // Without any PCA there is nothing that the replica could tell.
    if (std::ranges::none_of(troubles, &std::string::empty)) return {UnitStatus::failed, troubles.front()};
    report(troubles);
    for (const auto* analysis : enabled_network_analyses(config_)) analyse_network(*analysis);
    return {};
  }

 private:
  /// Of every layer why it is not analysed; "" where it is.
  std::vector<std::string> analyse_layers() {
    std::vector<std::string> troubles;
    for (std::size_t i = 0; i < config_.pca.layers.size(); ++i) {
      troubles.push_back(LayerStages(team_, context_, trained_, i).run());
      trained_.windows[i] = {};
    }
    return troubles;
  }

  void report(const std::vector<std::string>& troubles) const {
    for (std::size_t i = 0; i < troubles.size(); ++i)
      if (!troubles[i].empty() && team_.is_root())
        context_.hooks.report(fmt::format("replica {}: {} is not analysed: {}", unit_name(context_.unit.id),
                                          config_.pca.layers[i], troubles[i]));
  }

  void analyse_network(const NetworkAnalysis& analysis) const {
    if (have_stage(team_, context_.folder, analysis.name)) return;
    Group root;
    merge(root.group(analysis.name), analysis.run(team_, context_, trained_, [&](double fraction) {
      context_.hooks.progress(analysis.name, fraction);
      if (context_.hooks.stop_requested()) throw Stopped(stop_message);
    }));
    on_root(team_, [&] { context_.folder.write(analysis.name, root); });
  }

  const Communicator& team_;
  const UnitContext& context_;
  const Config& config_;
  TrainedUnit trained_;
};

UnitOutcome landscape_run(const Communicator& team, const UnitContext& context) {
  auto trained = train_on_team(team, context, context.data.train(), context.data.test());
  if (context.data.shape().targets == Targets::real) trained.unrecorded.classes = no_classes;
  if (!context.unit.replica.options_in_window(context.config))
    trained.unrecorded.steps = "the learning rate changes within the window";
  return analyse_unit(team, context, std::move(trained));
}

std::vector<std::string> landscape_stages(const Config& config) {
  std::vector<std::string> stages;
  for (const auto& layer : config.pca.layers)
    for (const auto* analysis : enabled_layer_analyses(config)) stages.push_back(analysis->name + "-" + layer);
  for (const auto* analysis : enabled_network_analyses(config)) stages.push_back(analysis->name);
  if (config.output.trajectory) stages.emplace_back("trajectory");
  stages.emplace_back(window_start_stage);
  for (const auto epoch : config.at_epochs.epochs) stages.push_back(state_stage(epoch));
  return stages;
}

std::vector<std::string> landscape_tables() {
  std::vector<std::string> tables = {"output", "at_epochs"};
  for (const auto& analysis : layer_analyses()) tables.push_back(analysis.name);
  for (const auto& analysis : network_analyses()) tables.push_back(analysis.name);
  return tables;
}

// PCA has its directions in memory, whatever of them results.h5 keeps.
std::vector<std::string> landscape_follows_from(const std::string& stage) {
  if (stage == "trajectory") return {"pca.layers"};
  for (const auto& analysis : layer_analyses()) {
    if (!stage.starts_with(analysis.name + "-")) continue;
    if (analysis.gives == LayerAnalysis::Gives::in_memory) return {"pca.spectrum", "pca.directions"};
    auto keys = analysis.takes;
    keys.insert(keys.end(), {analysis.name, "pca.spectrum"});
    return keys;
  }
  for (const auto& analysis : network_analyses()) {
    if (stage != analysis.name) continue;
    auto keys = analysis.takes;
    keys.push_back(analysis.name);
    return keys;
  }
  return {};
}

void landscape_check_stage(const Config& config, const std::string& stage, const Group& tree) {
  for (const auto& layer : config.pca.layers)
    for (const auto* analysis : enabled_layer_analyses(config)) {
      if (stage != analysis->name + "-" + layer) continue;
      const auto& group = analysis_group(tree, analysis->name, layer);
      AnalysisResults read;
      if (analysis->read != nullptr && has_numbers(group)) analysis->read(group, read);
    }
}

/// The group of an analysis with what is read of it.
Group read_group(const UnitFolder& folder, const LayerAnalysis& analysis, const std::string& layer) {
  if (analysis.gives != LayerAnalysis::Gives::in_memory) return read_analysis(folder, analysis.name, layer);
  auto tree = folder.require_skeleton(analysis.name + "-" + layer);
  (void)analysis_group(tree, analysis.name, layer);
  return std::move(tree.group(analysis.name + "/" + layer));
}

void landscape_read(const Config& config, const UnitFolder& folder, UnitResult& result) {
  for (const auto& layer : config.pca.layers) {
    auto& found = result.layers.emplace_back();
    for (const auto* analysis : enabled_layer_analyses(config)) {
      if (analysis->read == nullptr) continue;
      const auto group = read_group(folder, *analysis, layer);
      if (has_numbers(group)) analysis->read(group, found);
    }
    found.set(WindowTraining{result.window_error});
  }
  for (const auto* analysis : enabled_network_analyses(config)) {
    const auto tree = folder.require_skeleton(analysis->name);
    if (const auto* group = tree.find_group(analysis->name); group != nullptr && analysis->read != nullptr)
      analysis->read(*group, result.network);
  }
}

void add_if_hole(std::vector<FailedAnalysis>& found, const Group* group, const std::string& name) {
  if (group != nullptr && is_hole(*group)) found.push_back({name, hole_message(*group)});
}

std::vector<FailedAnalysis> landscape_failed(const Config& config, const UnitFolder& folder) {
  std::vector<FailedAnalysis> found;
  for (const auto& layer : config.pca.layers)
    for (const auto* analysis : enabled_layer_analyses(config)) {
      const auto path = analysis->name + "/" + layer;
      const auto tree = folder.require_skeleton(analysis->name + "-" + layer);
      add_if_hole(found, tree.find_group(path), path);
    }
  for (const auto* analysis : enabled_network_analyses(config)) {
    const auto tree = folder.require_skeleton(analysis->name);
    if (const auto* parts = tree.find_group(analysis->name))
      for (const auto& part : parts->groups) add_if_hole(found, &part, analysis->name + "/" + part.name);
  }
  return found;
}

Group landscape_of_replica(const Config& config, const Replica& replica, const UnitResult& result,
                           std::int64_t training_samples) {
  Group root;
  for (std::size_t i = 0; i < result.layers.size(); ++i)
    for (const auto* analysis : enabled_layer_analyses(config)) {
      if (analysis->of_replica == nullptr) continue;
      Group group;
      analysis->of_replica(config, replica, result.layers[i], training_samples, group);
      if (!group.attributes.empty() || !group.datasets.empty())
        merge(root.group(analysis->name + "/" + config.pca.layers[i]), std::move(group));
    }
  return root;
}

}  // namespace

UnitOutcome analyse_unit(const Communicator& team, const UnitContext& context, TrainedUnit trained) {
  return LandscapePipeline(team, context, std::move(trained)).run();
}

StudyKind landscape_study() {
  return {.study = Study::landscape,
          .pools_seeds = true,
          .check = check_window,
          .estimate = estimate_landscape,
          .run = landscape_run,
          .stages = landscape_stages,
          .analysis_tables = landscape_tables,
          .follows_from = landscape_follows_from,
          .check_stage = landscape_check_stage,
          .read = landscape_read,
          .failed = landscape_failed,
          .of_replica = landscape_of_replica,
          .summarise = summarise_landscape};
}

}  // namespace flatsweep
