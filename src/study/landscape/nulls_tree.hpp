#pragma once

#include "flatsweep/analysis/nulls.hpp"
#include "flatsweep/io/tree.hpp"

#include <string>

namespace flatsweep {

/// Group nulls/<layer>: what the window's PCA is compared with. What was not measured is absent.
[[nodiscard]] Group nulls_tree(const std::string& layer, const Nulls& nulls);

}  // namespace flatsweep
