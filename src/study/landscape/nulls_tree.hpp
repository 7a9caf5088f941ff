#pragma once

#include "flatsweep/analysis/nulls.hpp"
#include "flatsweep/io/tree.hpp"

#include <string>

namespace flatsweep {

/// Contents of its group: what the window's PCA is compared with. What was not measured is absent.
[[nodiscard]] Group nulls_tree(const Nulls& nulls);

}  // namespace flatsweep
