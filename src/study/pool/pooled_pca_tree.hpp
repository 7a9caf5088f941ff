#pragma once

#include "flatsweep/analysis/pooled_pca.hpp"
#include "flatsweep/analysis/subspace_overlap.hpp"
#include "flatsweep/io/tree.hpp"
#include "flatsweep/study/grid/config.hpp"
#include "flatsweep/study/grid/grid.hpp"

#include <cstdint>
#include <vector>

namespace flatsweep {

/// Contents of the group /summary/pooled_pca/<layer>/<point>.
/// @param point any replica of the grid point   @param seeds of the members
[[nodiscard]] Group pooled_pca_tree(const Replica& point, const std::vector<std::int64_t>& seeds, const PooledPca& pca,
                                    const SeedOverlaps& overlaps, double fraction);

}  // namespace flatsweep
