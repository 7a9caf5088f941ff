#include "analyses.hpp"

#include "pca_analysis.hpp"

namespace flatsweep {

// Each in the file of its name, as pca_analysis().
LayerAnalysis flatness_analysis();
LayerAnalysis first_mode_analysis();
LayerAnalysis curvature_analysis();
LayerAnalysis dynamics_analysis();
LayerAnalysis mlf_analysis();
LayerAnalysis filters_analysis();
LayerAnalysis relative_flatness_analysis();
LayerAnalysis nulls_analysis();
LayerAnalysis bases_analysis();
LayerAnalysis flatness_at_epochs_analysis();

NetworkAnalysis network_curvature_analysis();
NetworkAnalysis curvature_at_epochs_analysis();

std::span<const LayerAnalysis> layer_analyses() {
  static const std::vector<LayerAnalysis> table = {
      pca_analysis(),       flatness_analysis(),           first_mode_analysis(),
      curvature_analysis(), dynamics_analysis(),           mlf_analysis(),
      filters_analysis(),   relative_flatness_analysis(),  nulls_analysis(),
      bases_analysis(),     flatness_at_epochs_analysis(),
  };
  return table;
}

std::span<const NetworkAnalysis> network_analyses() {
  static const std::vector<NetworkAnalysis> table = {network_curvature_analysis(), curvature_at_epochs_analysis()};
  return table;
}

namespace {

template <class Analysis>
std::vector<const Analysis*> enabled(std::span<const Analysis> table, const Config& config) {
  std::vector<const Analysis*> wanted;
  for (const auto& analysis : table)
    if (analysis.enabled(config)) wanted.push_back(&analysis);
  return wanted;
}

}  // namespace

std::vector<const LayerAnalysis*> enabled_layer_analyses(const Config& config) {
  return enabled(layer_analyses(), config);
}

std::vector<const NetworkAnalysis*> enabled_network_analyses(const Config& config) {
  return enabled(network_analyses(), config);
}

}  // namespace flatsweep
