#pragma once

#include "flatsweep/par/communicator.hpp"

#include <cstdint>
#include <span>

namespace flatsweep {

/// Sums arrays of equal length, number 0 first, then 1, 2, ...: bit for bit the same for any number of ranks. This rank
/// has the arrays share(parts, rank, size).
/// @param parts how many arrays there are over all ranks, 1 or more
/// @param mine this rank's arrays, one after another, each as long as `result`
/// @param result the sum, on every rank
/// @note Collective.
void sum_in_order(const Communicator& comm, std::int64_t parts, std::span<const double> mine, std::span<double> result);

}  // namespace flatsweep
