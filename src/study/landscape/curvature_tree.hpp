#pragma once

#include "flatsweep/analysis/curvature.hpp"
#include "flatsweep/io/tree.hpp"

#include <optional>

namespace flatsweep {

/// Contents of its group.   @param batch_size absent: minibatches are not known
[[nodiscard]] Group curvature_tree(const LayerCurvature& curvature, const PsiOptions& fit,
                                   std::optional<int> batch_size);

}  // namespace flatsweep
