#pragma once

#include "flatsweep/analysis/noise_walk.hpp"
#include "frozen_gradients.hpp"

#include <memory>

namespace flatsweep {

/// `noise_walk` of gradients that others use as well.
[[nodiscard]] SnapshotSource noise_walk(const FrozenRun& run, Eigen::VectorXd mean,
                                        std::shared_ptr<FrozenGradients> gradients);

}  // namespace flatsweep
