#pragma once

#include "flatsweep/io/tree.hpp"
#include "flatsweep/study/summary/unit_result.hpp"

#include <string>
#include <vector>

namespace flatsweep {

/// What a run says of all its replicas together.
struct StudySummary {
  Group tree;                      ///< /summary
  std::vector<std::string> table;  ///< for the terminal
};

/// @param results one per unit, in the order of `units`
[[nodiscard]] StudySummary summarise_study(const Config& config, const std::vector<WorkUnit>& units,
                                           const std::vector<UnitResult>& results, std::int64_t training_samples);

[[nodiscard]] StudySummary summarise_continual(const std::vector<WorkUnit>& units,
                                               const std::vector<UnitResult>& results);
[[nodiscard]] StudySummary summarise_noise(const Config& config, const std::vector<WorkUnit>& units,
                                           const std::vector<UnitResult>& results);

/// The finished seeds of one grid point.
struct GridPointSeeds {
  Replica point;  ///< its first replica
  std::vector<const UnitResult*> results;
};
/// In grid order; points none of whose seeds is done are left out.
[[nodiscard]] std::vector<GridPointSeeds> group_by_point(const std::vector<WorkUnit>& units,
                                                         const std::vector<UnitResult>& results);

}  // namespace flatsweep
