#pragma once

#include "flatsweep/study/cost/cost.hpp"
#include "layer_analysis.hpp"

#include <span>

namespace flatsweep {

/// Adds the stages of one layer.   @return the peak memory of a rank
double add_analyses(Cost& cost, const LayerWorkload& work, double rate, std::span<const LayerAnalysis* const> analyses);
/// Adds those of the whole network that are asked for.
void add_network_analyses(Cost& cost, const Config& config, const Network& network, double samples, double rate);

/// A unit that trains to the end of the window and makes these analyses of every layer.
[[nodiscard]] Cost estimate_analyses(const Config& config, const Replica& replica, const DatasetShape& data,
                                     double rate, std::span<const LayerAnalysis* const> analyses);

/// A unit of the landscape study.
[[nodiscard]] Cost estimate_landscape(const Config& config, const Replica& replica, const DatasetShape& data,
                                      double rate);

}  // namespace flatsweep
