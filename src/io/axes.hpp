#pragma once

#include "flatsweep/io/tree.hpp"

#include <vector>

namespace flatsweep {

/// The index scales that the axes of `group` name and that it does not hold, in order of first use.
/// @throws IoError when axes of the same name differ in length, or a data set that is no scale has an axis' name
std::vector<Dataset> missing_scales(const Group& group);

}  // namespace flatsweep
