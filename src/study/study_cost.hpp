#pragma once

#include "flatsweep/study/cost.hpp"

namespace flatsweep {

// Shares of the measured product rate that whole steps reach, seen in runs of the reference network, LeNet-5 and the
// CNN of Fig S1B.
constexpr double training_share = 0.55;
constexpr double evaluation_share = 0.65;
constexpr double covariance_share = 0.35;  // double precision, half the lanes
constexpr double eigensolve_share = 0.10;
constexpr double projection_share = 0.10;  // products of modes and weights come from memory

/// What the points of the continual study take after the first task.
/// @param task training and test images of one task
[[nodiscard]] Cost estimate_points(const Config& config, const Replica& replica, const DatasetShape& task, double rate);

[[nodiscard]] Cost estimate_noise(const Config& config, const Replica& replica, const DatasetShape& data, double rate);

/// The images of one task of the mean size, were all classes equally frequent.
[[nodiscard]] DatasetShape mean_task(const ContinualConfig& config, const DatasetShape& data);

}  // namespace flatsweep
