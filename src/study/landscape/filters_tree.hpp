#pragma once

#include "flatsweep/analysis/filters.hpp"
#include "flatsweep/io/tree.hpp"

#include <string>

namespace flatsweep {

/// Group filters/<layer>.
[[nodiscard]] Group filters_tree(const std::string& layer, const Filters& filters);

}  // namespace flatsweep
