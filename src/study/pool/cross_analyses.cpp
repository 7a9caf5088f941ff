#include "cross_analysis.hpp"

namespace flatsweep {

CrossAnalysis pooled_pca_analysis();

std::span<const CrossAnalysis> cross_analyses() {
  static const std::vector<CrossAnalysis> table = {pooled_pca_analysis()};
  return table;
}

std::vector<const CrossAnalysis*> enabled_cross_analyses(const Config& config) {
  std::vector<const CrossAnalysis*> wanted;
  for (const auto& analysis : cross_analyses())
    if (analysis.enabled(config)) wanted.push_back(&analysis);
  return wanted;
}

}  // namespace flatsweep
