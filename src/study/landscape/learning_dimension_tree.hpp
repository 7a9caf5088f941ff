#pragma once

#include "flatsweep/io/tree.hpp"
#include "flatsweep/study/grid/grid.hpp"
#include "flatsweep/study/unit/unit_result.hpp"

#include <cstddef>
#include <vector>

namespace flatsweep {

/// True when replicas differ in width and seed alone, so that a table by width and seed says everything.
[[nodiscard]] bool is_width_scan(const std::vector<WorkUnit>& units);

/// Group learning_dimension/<layer> of /summary: learning dimensions by width and seed, and their nulls (Fig S16).
/// @param layer number of the layer in config.pca.layers
[[nodiscard]] Group learning_dimension_tree(const std::vector<WorkUnit>& units, const std::vector<UnitResult>& results,
                                            std::size_t layer);

}  // namespace flatsweep
