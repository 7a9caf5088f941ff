#pragma once

#include <Eigen/Core>

namespace flatsweep {

/// Gives every column the sign with which its entry of largest magnitude is positive, so that runs agree: an
/// eigensolver leaves the signs of its vectors to chance.
inline void orient_by_largest_entry(Eigen::MatrixXd& vectors) {
  for (auto u : vectors.colwise()) {
    Eigen::MatrixXd::Index largest = 0;
    u.cwiseAbs().maxCoeff(&largest);
    if (u(largest) < 0.0) u *= -1.0;
  }
}

}  // namespace flatsweep
