#pragma once

#include "flatsweep/study/cost/cost.hpp"

#include <cstdint>

namespace flatsweep {

/// The pooled PCA of one grid point when all ranks share it.
[[nodiscard]] PoolCost estimate_pooled_pca(const Config& config, const Replica& replica, const DatasetShape& data,
                                           std::int64_t seeds, int ranks, double rate);

}  // namespace flatsweep
