#pragma once

#include "flatsweep/analysis/bases.hpp"
#include "flatsweep/io/tree.hpp"

namespace flatsweep {

/// The group of one basis.
[[nodiscard]] Group basis_tree(const BasisMeasurement& found);

}  // namespace flatsweep
