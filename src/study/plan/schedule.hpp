#pragma once

#include <vector>

namespace flatsweep {

/// Seconds of a unit on one rank: its training, which one rank of a team does, and the analyses, which the team shares.
struct UnitSeconds {
  double training = 0.0;
  double analyses = 0.0;
  [[nodiscard]] double on_team(int size) const { return training + analyses / size; }
};

/// What the queue does, simulated: the team that is free first takes the costliest unit that is left.
struct Schedule {
  double seconds = 0.0;  ///< until the last team is done
  double idle = 0.0;     ///< share of the teams' time spent waiting for it
  double longest = 0.0;  ///< seconds of the costliest unit
};
[[nodiscard]] Schedule simulate_queue(const std::vector<UnitSeconds>& units, int teams, int team_size);

struct TeamChoice {
  int size = 1;
  double seconds = 0.0;  ///< until the last team is done
};
/// The team size among those that leave no team's worth of ranks unused that ends first; the smallest of equals.
/// @param units one or more
[[nodiscard]] TeamChoice quickest_team_size(const std::vector<UnitSeconds>& units, int ranks);

}  // namespace flatsweep
