#pragma once

#include "flatsweep/study/grid/grid.hpp"
#include "flatsweep/study/unit/unit_result.hpp"
#include "study/store/columns.hpp"

#include <vector>

namespace flatsweep {

/// How far each number of a replica goes with its test error over the grid: Kendall's tau between them, and between it
/// and the gap between test and training loss, over the points of each seed that are done; see `tau_over_seeds`. A
/// measure that no replica has is left out.
/// @param results one per unit, in the order of `units`   @param layer number of the layer in config.pca.layers
/// @return a table (measure,); empty with fewer than three grid points
[[nodiscard]] Group prediction_tree(const std::vector<WorkUnit>& units, const std::vector<UnitResult>& results,
                                    std::size_t layer);

}  // namespace flatsweep
