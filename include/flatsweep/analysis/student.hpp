#pragma once

namespace flatsweep {

/// Half a 95 % interval in standard errors: Student's t with so many degrees of freedom, of which 2 count at least.
[[nodiscard]] double t_factor(double freedom);

}  // namespace flatsweep
