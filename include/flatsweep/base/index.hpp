#pragma once

#include <cstddef>

namespace flatsweep {

/// Sizes, counts and subscripts: signed, so that differences and downward loops need no care, and Eigen's own type.
using Index = std::ptrdiff_t;

}  // namespace flatsweep
