#include "models.hpp"

#include "flatsweep/base/text.hpp"
#include "load.hpp"
#include "study/cost/network_flops.hpp"
#include "study/landscape/analyses.hpp"
#include "study/landscape/landscape.hpp"
#include "study/landscape/landscape_cost.hpp"
#include "study/landscape/pca_analysis.hpp"
#include "study/unit/training_tree.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

namespace flatsweep {

namespace {

/// The layers of a model that is whole are there: its headers were looked at. Those of a broken one nobody needs.
void models_check(const Config&, const Replica&, const Network&, const DatasetShape&) {}

/// The analyses of one layer that are not absent.
std::vector<const LayerAnalysis*> possible_analyses(const Config& config, const Unrecorded& unknown,
                                                    std::size_t layer) {
  auto analyses = enabled_layer_analyses(config);
  std::erase_if(analyses, [&](const auto* analysis) { return !unknown.reason(analysis->records, layer).empty(); });
  return analyses;
}

Cost models_estimate(const Config& config, const Replica& replica, const DatasetShape& data, double rate) {
  const auto& model = config.model.found[replica.model];
  Cost cost;
  if (!model.problem.empty()) return cost;
  const auto unknown = unrecorded_of(config, model);
  const auto network = replica.network(data);
  const double samples = data.train_count;
  double largest = 0.0;
  for (std::size_t i = 0; i < config.pca.layers.size(); ++i) {
    LayerWorkload work{config, network, network.layer(config.pca.layers[i]), samples,
                       static_cast<double>(model.snapshots[i])};
    work.directions = model.snapshots[i] > 0 ? computed_directions(config.pca, work.modes()) : 0.0;
    largest = std::max(largest, add_analyses(cost, work, rate, possible_analyses(config, unknown, i)));
    cost.bytes += 4.0 * work.iterations * work.size();
  }
  cost.bytes = std::min(cost.bytes, config.run.memory_per_rank * 0x1.0p30) + largest;
  cost.result_bytes += 4.0 * network.parameters;
  add_network_analyses(cost, config, network, samples, rate);
  return cost;
}

/// There is no start of a window to train again from.
std::vector<std::string> models_stages(const Config& config) {
  auto stages = landscape_study().stages(config);
  std::erase(stages, window_start_stage);
  return stages;
}

UnitOutcome models_run(const Communicator& team, const UnitContext& context) {
  std::string problem;
  auto unit = load_on_team(team, context, problem);
  if (!problem.empty()) return {UnitStatus::failed, problem};
  return analyse_unit(team, context, std::move(unit));
}

/// The analyses that some model has all that they take for.
std::string describe_measured(const Config& config) {
  std::set<const LayerAnalysis*> possible;
  for (const auto& model : config.model.found) {
    if (!model.problem.empty()) continue;
    const auto unknown = unrecorded_of(config, model);
    for (std::size_t i = 0; i < config.pca.layers.size(); ++i)
      for (const auto* analysis : possible_analyses(config, unknown, i)) possible.insert(analysis);
  }
  std::vector<std::string> names;
  for (const auto* analysis : enabled_layer_analyses(config))
    if (possible.contains(analysis)) names.push_back(analysis->name);
  for (const auto* analysis : enabled_network_analyses(config)) names.push_back(analysis->name);
  return names.empty() ? "nothing but loss and error" : fmt::format("{}", fmt::join(names, ", "));
}

/// Why which analyses are absent.
std::vector<std::string> describe_absences(const Config& config) {
  std::map<std::string, std::set<std::string>> absent;  // analyses by reason
  for (const auto& model : config.model.found) {
    if (!model.problem.empty()) continue;
    const auto unknown = unrecorded_of(config, model);
    for (std::size_t i = 0; i < config.pca.layers.size(); ++i)
      for (const auto* analysis : enabled_layer_analyses(config))
        if (const auto why = unknown.reason(analysis->records, i); !why.empty()) absent[why].insert(analysis->name);
  }
  std::vector<std::string> lines;
  for (const auto& [why, analyses] : absent) {
    std::vector<std::string> names;
    for (const auto* analysis : enabled_layer_analyses(config))
      if (analyses.contains(analysis->name)) names.push_back(analysis->name);
    lines.push_back(fmt::format("absent    {}: {}", fmt::join(names, ", "), why));
  }
  return lines;
}

bool lacks_a_trajectory(const Config& config) {
  return std::ranges::any_of(config.model.found, [](const auto& model) {
    return model.problem.empty() && std::ranges::any_of(model.snapshots, [](auto count) { return count == 0; });
  });
}

std::vector<std::string> models_describe(const Config& config) {
  const auto& models = config.model.found;
  const auto broken = std::ranges::count_if(models, [](const auto& model) { return !model.problem.empty(); });
  std::vector<std::string> lines = {fmt::format("models    {} made elsewhere{}", counted(std::ssize(models), "network"),
                                                broken == 0 ? "" : fmt::format(", {} of them broken", broken))};
  lines.push_back("measured  " + describe_measured(config));
  for (const auto& line : describe_absences(config)) lines.push_back(line);
  if (config.flatness.enabled && !config.bases.enabled && lacks_a_trajectory(config))
    lines.emplace_back("hint      bases.enabled = true measures flatness along directions that take no trajectory");
  for (const auto& model : models)
    if (!model.problem.empty()) lines.push_back(fmt::format("broken    {}", model.problem));
  return lines;
}

}  // namespace

StudyKind models_study() {
  auto study = landscape_study();
  study.study = Study::models;
  study.pools_seeds = false;
  study.stages = models_stages;
  study.analysis_tables = nullptr;
  study.follows_from = nullptr;
  study.no_adding =
      "its networks were made elsewhere, and all of them are read anew; run its configuration again, with "
      "--overwrite";
  study.check = models_check;
  study.describe = models_describe;
  study.estimate = models_estimate;
  study.run = models_run;
  return study;
}

}  // namespace flatsweep
