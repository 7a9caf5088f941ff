#pragma once

namespace flatsweep {

// Shares of the measured product rate that whole steps reach, seen in runs of the reference network, LeNet-5 and the
// CNN of Fig S1B.
constexpr double training_share = 0.55;
constexpr double probe_share = 0.45;  // losses along directions of a layer
constexpr double evaluation_share = 0.65;
constexpr double covariance_share = 0.35;  // double precision, half the lanes
constexpr double eigensolve_share = 0.10;
constexpr double projection_share = 0.10;        // products of modes and weights come from memory
constexpr double joint_projection_share = 0.25;  // of several points side by side

// What HDF5 keeps of a data set or group with its descriptions beside its numbers, seen in results of every study.
constexpr double object_bytes = 870.0;
// Data sets and groups of a trained replica, with its part of the tables over grid points.
constexpr double objects_of_replica = 60.0;

}  // namespace flatsweep
