#pragma once

namespace flatsweep {

// Shares of the measured product rate that whole steps reach, seen in runs of the reference network, LeNet-5 and the
// CNN of Fig S1B.
constexpr double training_share = 0.55;
constexpr double covariance_share = 0.35;  // double precision, half the lanes
constexpr double eigensolve_share = 0.10;

}  // namespace flatsweep
