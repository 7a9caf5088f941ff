#pragma once

#include "flatsweep/analysis/curvature.hpp"
#include "flatsweep/io/tree.hpp"

namespace flatsweep {

/// Contents of its group.
[[nodiscard]] Group curvature_tree(const LayerCurvature& curvature, const PsiOptions& fit);

}  // namespace flatsweep
