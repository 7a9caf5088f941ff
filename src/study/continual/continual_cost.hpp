#pragma once

#include "flatsweep/study/cost/cost.hpp"

namespace flatsweep {

[[nodiscard]] Cost estimate_continual(const Config& config, const Replica& replica, const DatasetShape& data,
                                      double rate);

}  // namespace flatsweep
