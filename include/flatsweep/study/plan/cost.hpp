#pragma once

#include "flatsweep/study/grid/config.hpp"
#include "flatsweep/study/grid/grid.hpp"

namespace flatsweep {

/// What one unit of work is expected to take on one rank.
struct Cost {
  double training_seconds = 0.0;
  double pca_seconds = 0.0;
  double flatness_seconds = 0.0;
  double analysis_seconds = 0.0;  ///< first mode, dynamics, minibatch landscapes and nulls
  double bytes = 0.0;             ///< peak memory of a rank, without the node-shared data set
  [[nodiscard]] double seconds() const { return training_seconds + pca_seconds + flatness_seconds + analysis_seconds; }
};

/// GFlop/s of a small product on this core, measured for a few hundredths of a second.
[[nodiscard]] double measure_product_rate();

/// @param rate GFlop/s as from `measure_product_rate`
[[nodiscard]] Cost estimate_cost(const Config& config, const Replica& replica, const DatasetShape& data, double rate);

/// What the pooled PCA of one grid point is expected to take when all ranks share it.
struct PoolCost {
  double seconds = 0.0;
  double bytes = 0.0;  ///< peak memory of a rank
  double result_bytes = 0.0;
};
/// @param replica any of the grid point   @param seeds its replicas   @param rate as above
[[nodiscard]] PoolCost estimate_pool(const Config& config, const Replica& replica, const DatasetShape& data,
                                     std::int64_t seeds, int ranks, double rate);

/// Bytes of the stored windows of all analysed layers: 4 T N each.
[[nodiscard]] double window_bytes(const Config& config, const Replica& replica, const DatasetShape& data);

/// True when the window is kept in memory, false when it is replayed for every pass.
[[nodiscard]] bool window_fits(const Config& config, const Replica& replica, const DatasetShape& data);

}  // namespace flatsweep
