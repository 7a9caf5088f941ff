#pragma once

#include "flatsweep/analysis/first_mode.hpp"
#include "flatsweep/io/tree.hpp"

#include <string>

namespace flatsweep {

/// Contents of its group.
[[nodiscard]] Group first_mode_tree(const FirstMode& mode);

}  // namespace flatsweep
