#pragma once

#include "flatsweep/analysis/curvature.hpp"
#include "flatsweep/analysis/network_curvature.hpp"
#include "flatsweep/io/tree.hpp"

#include <string>

namespace flatsweep {

/// The group curvature/<layer>.
[[nodiscard]] Group curvature_tree(const std::string& layer, const LayerCurvature& curvature, const PsiOptions& fit);

/// The group network_curvature/<kind> of one matrix.
[[nodiscard]] Group network_curvature_tree(const NetworkCurvature& matrix);
[[nodiscard]] std::string network_curvature_path(CurvatureKind kind);

}  // namespace flatsweep
