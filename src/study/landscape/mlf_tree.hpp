#pragma once

#include "flatsweep/analysis/mlf_summary.hpp"
#include "flatsweep/io/tree.hpp"

#include <string>

namespace flatsweep {

/// Contents of its group.
/// @param along, fit what `summary` was made with
[[nodiscard]] Group mlf_tree(const MlfSamples& samples, const MlfDirections& along, const MlfSummary& summary,
                             const PsiOptions& fit);

}  // namespace flatsweep
