#pragma once

#include "layer_analysis.hpp"
#include "network_analysis.hpp"

#include <span>
#include <string>
#include <vector>

// The table of analyses: what is measured of a trained unit follows from it, and its order stands here alone.
namespace flatsweep {

/// All analyses of one layer, in the order in which they run. All others rest on the first.
[[nodiscard]] std::span<const LayerAnalysis> layer_analyses();
/// Those that the configuration asks for.
[[nodiscard]] std::vector<const LayerAnalysis*> enabled_layer_analyses(const Config& config);

/// All analyses of the whole network, which follow those of the layers.
[[nodiscard]] std::span<const NetworkAnalysis> network_analyses();
[[nodiscard]] std::vector<const NetworkAnalysis*> enabled_network_analyses(const Config& config);

}  // namespace flatsweep
