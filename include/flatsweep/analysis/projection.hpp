#pragma once

#include "flatsweep/analysis/pca.hpp"
#include "flatsweep/analysis/snapshots.hpp"
#include "flatsweep/par/communicator.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace flatsweep {

/// Gets theta_i(t) = (w(t) - <w>) . u_i, (T,) each, of the directions u_i with i = chosen[first], chosen[first + 1],
/// ...
using ProjectionVisitor = std::function<void(std::size_t first, std::span<const std::span<const double>> theta)>;

/// Projects the window on the chosen directions, in double precision. The directions are dealt over the team in panels
/// of fixed width, so that every number is rounded alike for any team size, any source and any budget; each direction
/// is visited on one rank, in ascending order there, with its panel.
/// @param window read on rank 0 only, once or, where the series of a rank's directions exceed the budget, several times
/// @param chosen column numbers of set.directions
/// @param budget bytes of series that a rank may hold; one panel of 128 is held at least
/// @note Collective over `team`; `visit` must not communicate. What it throws is agreed.
/// @throws ConfigError where a chosen number is no column's
void for_each_projection(const Communicator& team, const SnapshotSource& window, const DirectionSet& set,
                         const std::vector<int>& chosen, std::int64_t budget, const ProjectionVisitor& visit);

}  // namespace flatsweep
