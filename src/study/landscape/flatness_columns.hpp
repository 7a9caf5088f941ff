#pragma once

#include "flatsweep/analysis/flatness.hpp"
#include "flatsweep/base/column_of.hpp"

#include <fmt/format.h>

#include <string>
#include <vector>

namespace flatsweep {

/// Calls put(name, values, description) for the crossings and the slope along some directions.
/// @param along a direction as descriptions call it: p_i
void put_crossings(const std::vector<DirectionFlatness>& flatness, const std::string& along, const auto& put) {
  put("left", column_of(flatness, &DirectionFlatness::left),
      fmt::format("nearest displacement d < 0 with L(w_0 + d {}) = e L_0; NaN where it is not reached", along));
  put("right", column_of(flatness, &DirectionFlatness::right),
      fmt::format("nearest displacement d > 0 with L(w_0 + d {}) = e L_0; NaN where it is not reached", along));
  put("flatness", column_of(flatness, &DirectionFlatness::flatness),
      fmt::format("flatness F_i = right - left along {}; NaN where a side is not reached", along));
  put("slope", column_of(flatness, &DirectionFlatness::slope),
      fmt::format("d ln L / d theta at theta = 0 along {}, exact", along));
}

/// The same for the curvatures.
void put_curvatures(const std::vector<DirectionFlatness>& flatness, const std::string& along, const auto& put) {
  put("curvature", column_of(flatness, &DirectionFlatness::curvature),
      fmt::format("d^2 ln L / d theta^2 at theta = 0 along {}, exact between kinks", along));
  put("loss_curvature", column_of(flatness, &DirectionFlatness::loss_curvature),
      fmt::format("{0}^T H {0}, H the layer's Hessian of the loss", along));
}

}  // namespace flatsweep
