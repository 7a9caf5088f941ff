#include "schedule.hpp"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <limits>
#include <queue>

namespace flatsweep {

Schedule simulate_queue(const std::vector<UnitSeconds>& units, int teams, int team_size) {
  if (units.empty()) return {};
  std::vector<double> costs;
  for (const auto& unit : units) costs.push_back(unit.on_team(team_size));
  std::ranges::sort(costs, std::greater{});
  const auto working = std::min<std::size_t>(teams, units.size());  // the others get nothing
  std::priority_queue<double, std::vector<double>, std::greater<>> free_at(std::greater{},
                                                                           std::vector<double>(working, 0.0));
  Schedule schedule{.longest = costs.front()};
  double work = 0.0;
  for (const double cost : costs) {
    const double end = free_at.top() + cost;
    free_at.pop();
    free_at.push(end);
    schedule.seconds = std::max(schedule.seconds, end);
    work += cost;
  }
  schedule.idle = schedule.seconds > 0.0 ? 1.0 - work / (teams * schedule.seconds) : 0.0;
  return schedule;
}

TeamChoice quickest_team_size(const std::vector<UnitSeconds>& units, int ranks) {
  TeamChoice quickest{1, std::numeric_limits<double>::infinity()};
  for (int teams = ranks; teams > 0;) {
    const int size = ranks / teams;
    const double seconds = simulate_queue(units, teams, size).seconds;
    if (seconds < quickest.seconds) quickest = {size, seconds};
    teams = ranks / (size + 1);  // the most teams of a larger size
  }
  return quickest;
}

}  // namespace flatsweep
