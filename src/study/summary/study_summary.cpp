#include "study_summary.hpp"

namespace flatsweep {

std::vector<GridPointSeeds> group_by_point(const std::vector<WorkUnit>& units, const std::vector<UnitResult>& results) {
  std::vector<GridPointSeeds> points;
  for (const auto& numbers : units_by_grid_point(units)) {
    GridPointSeeds point{units[numbers.front()].replica, {}};
    for (const auto i : numbers)
      if (results[i].status == UnitStatus::done) point.results.push_back(&results[i]);
    if (!point.results.empty()) points.push_back(std::move(point));
  }
  return points;
}

}  // namespace flatsweep
