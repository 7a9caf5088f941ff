#pragma once

#include "flatsweep/analysis/first_mode.hpp"
#include "flatsweep/io/tree.hpp"

#include <string>

namespace flatsweep {

/// Group first_mode/<layer>.
[[nodiscard]] Group first_mode_tree(const std::string& layer, const FirstMode& mode);

}  // namespace flatsweep
