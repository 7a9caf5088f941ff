#pragma once

#include <Eigen/Core>

#include <vector>

namespace flatsweep {

/// The same numbers as the standard library keeps them.
[[nodiscard]] inline std::vector<double> to_vector(const Eigen::VectorXd& values) {
  return {values.begin(), values.end()};
}

}  // namespace flatsweep
