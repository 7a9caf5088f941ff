#include "study_summary.hpp"

#include "flatsweep/study/summary/summary.hpp"

namespace flatsweep {

StudySummary summarise_study(const Config& config, const std::vector<WorkUnit>& units,
                             const std::vector<UnitResult>& results, std::int64_t training_samples) {
  switch (config.study) {
    case Study::continual:
      return summarise_continual(units, results);
    case Study::noise:
      return summarise_noise(config, units, results);
    case Study::landscape:
      break;
  }
  const auto points = summarise(config, units, results, training_samples);
  return {summary_tree(config, points, units, results), summary_table(points)};
}

std::vector<GridPointSeeds> group_by_point(const std::vector<WorkUnit>& units, const std::vector<UnitResult>& results) {
  std::vector<GridPointSeeds> points;
  for (const auto& numbers : units_by_grid_point(units)) {
    GridPointSeeds point{units[numbers.front()].replica, {}};
    for (const auto i : numbers)
      if (results[i].status == "done") point.results.push_back(&results[i]);
    if (!point.results.empty()) points.push_back(std::move(point));
  }
  return points;
}

}  // namespace flatsweep
