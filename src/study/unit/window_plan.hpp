#pragma once

#include "flatsweep/study/cost/cost.hpp"

// What studies that train to a PCA window check and expect.
namespace flatsweep {

/// That the layers are there, that the window is long enough, and that a trajectory can be written.  @throws
/// ConfigError
void check_window(const Config& config, const Replica& replica, const Network& network, const DatasetShape& data);

/// One epoch of minibatches with its evaluations, by its flops.  @param rate as from `measure_core`
[[nodiscard]] double epoch_seconds(const Replica& replica, const DatasetShape& data, double rate);

/// Training to the end of the window. The bytes are the window's in memory.
[[nodiscard]] Cost estimate_window(const Config& config, const Replica& replica, const DatasetShape& data, double rate);

}  // namespace flatsweep
