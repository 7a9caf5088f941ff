#pragma once

#include "flatsweep/analysis/curvature.hpp"
#include "flatsweep/analysis/network_curvature.hpp"
#include "flatsweep/io/tree.hpp"

#include <string>
#include <vector>

namespace flatsweep {

/// The group curvature/<layer>.
[[nodiscard]] Group curvature_tree(const std::string& layer, const LayerCurvature& curvature, const PsiOptions& fit);

/// The groups network_curvature/<kind>, one for each matrix.
[[nodiscard]] Group network_curvature_tree(const std::vector<NetworkCurvature>& matrices);

}  // namespace flatsweep
