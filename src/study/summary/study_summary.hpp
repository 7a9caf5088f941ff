#pragma once

#include "flatsweep/io/tree.hpp"
#include "flatsweep/study/unit/unit_result.hpp"

#include <string>
#include <vector>

namespace flatsweep {

/// What a run says of all its replicas together.
struct StudySummary {
  Group tree;                      ///< /summary
  std::vector<std::string> table;  ///< for the terminal
};

/// The finished seeds of one grid point.
struct GridPointSeeds {
  Replica point;  ///< its first replica
  std::vector<const UnitResult*> results;
};
/// In grid order; points none of whose seeds is done are left out.
[[nodiscard]] std::vector<GridPointSeeds> group_by_point(const std::vector<WorkUnit>& units,
                                                         const std::vector<UnitResult>& results);

}  // namespace flatsweep
