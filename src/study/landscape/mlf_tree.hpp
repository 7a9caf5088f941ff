#pragma once

#include "flatsweep/analysis/mlf_summary.hpp"
#include "flatsweep/io/tree.hpp"

#include <string>

namespace flatsweep {

/// Group mlf/<layer> of a replica, by the project's schema (docs/output.md).
/// @param along, fit what `summary` was made with
[[nodiscard]] Group mlf_tree(const std::string& layer, const MlfSamples& samples, const MlfDirections& along,
                             const MlfSummary& summary, const PsiOptions& fit);

}  // namespace flatsweep
