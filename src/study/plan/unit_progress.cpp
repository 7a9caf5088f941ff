#include "unit_progress.hpp"

#include "flatsweep/study/continual/continual.hpp"
#include "flatsweep/study/plan/cost.hpp"
#include "study/landscape/layer_stages.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flatsweep {

namespace {

/// Of the analyses of every layer but PCA and flatness, and of the whole network: not told apart, but equal.
double one_analysis(const Config& config, const Cost& cost) {
  auto count = static_cast<std::int64_t>(layer_analyses(config).size()) - 1 - (config.flatness.measure ? 1 : 0);
  count *= static_cast<std::int64_t>(config.pca.layers.size());
  count += config.network_curvature.measure ? 1 : 0;
  return count > 0 ? cost.analysis_seconds / static_cast<double>(count) : 0.0;
}

}  // namespace

UnitProgress::UnitProgress(const Config& config, const Replica& replica, const DatasetShape& data) {
  const auto cost = estimate_cost(config, replica, data, 1.0);
  if (config.study == Study::noise) {
    add(std::string(to_string(replica.noise_method)), 1.0);
    return;
  }
  // Both give their fraction of the two together.
  add("training", cost.training_seconds);
  stages_.push_back({"window", 0.0, cost.training_seconds});
  const auto layers = static_cast<double>(config.pca.layers.size());
  if (config.study == Study::continual) {
    for (const auto& layer : config.pca.layers) add("pca " + layer, cost.pca_seconds / layers);
    const auto paths = constraint_paths(config.continual).size();
    for (std::size_t i = 0; i < paths; ++i)
      add(fmt::format("path-{:06}", i), cost.analysis_seconds / static_cast<double>(paths));
    return;
  }
  const double other = one_analysis(config, cost);
  for (const auto& layer : config.pca.layers)
    for (const auto& analysis : layer_analyses(config))
      add(analysis + " " + layer, analysis == "pca"        ? cost.pca_seconds / layers
                                  : analysis == "flatness" ? cost.flatness_seconds / layers
                                                           : other);
  if (config.network_curvature.measure) add("network curvature", other);
}

void UnitProgress::add(std::string name, double seconds) {
  const double begin = stages_.empty() ? 0.0 : stages_.back().begin + stages_.back().share;
  stages_.push_back({std::move(name), begin, seconds});
}

double UnitProgress::at(std::string_view stage, double fraction) {
  const auto found = std::ranges::find_if(stages_, [&](const Stage& known) {
    return stage == known.name || (stage.starts_with(known.name) && stage[known.name.size()] == ' ');
  });
  if (found == stages_.end()) return reached_;
  const double whole = stages_.back().begin + stages_.back().share;
  const double now = (found->begin + std::clamp(fraction, 0.0, 1.0) * found->share) / whole;
  reached_ = whole > 0.0 ? std::max(reached_, std::min(now, 1.0)) : reached_;
  return reached_;
}

}  // namespace flatsweep
