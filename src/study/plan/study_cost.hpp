#pragma once

#include "flatsweep/study/plan/cost.hpp"

namespace flatsweep {

/// What the points of the continual study take after the first task.
/// @param task training and test images of one task
[[nodiscard]] Cost estimate_points(const Config& config, const Replica& replica, const DatasetShape& task, double rate);

[[nodiscard]] Cost estimate_noise(const Config& config, const Replica& replica, const DatasetShape& data, double rate);

/// The images of one task of the mean size, were all classes equally frequent.
[[nodiscard]] DatasetShape mean_task(const ContinualConfig& config, const DatasetShape& data);

}  // namespace flatsweep
