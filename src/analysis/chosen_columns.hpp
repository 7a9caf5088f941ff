#pragma once

#include "flatsweep/base/error.hpp"

#include <Eigen/Core>
#include <fmt/format.h>

#include <vector>

namespace flatsweep {

/// @throws ConfigError where one of the chosen is not the number of a column of `directions`
inline void check_columns(const Eigen::MatrixXd& directions, const std::vector<int>& chosen) {
  for (const int column : chosen)
    if (column < 0 || column >= directions.cols())
      throw ConfigError(fmt::format("direction {} was asked for; there are {}", column, directions.cols()));
}

}  // namespace flatsweep
