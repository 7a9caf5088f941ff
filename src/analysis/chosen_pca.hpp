#pragma once

#include "flatsweep/analysis/pca.hpp"

#include <span>
#include <vector>

namespace flatsweep {

/// A PCA with the directions of some numbers alone, without `projection`, `cosine_content` and `solution_alignment`.
struct ChosenPca : Pca {
  std::vector<int> number;  ///< (K,) of the columns of `directions`, from 0, ascending
};

/// As `principal_components`: the same variances and counts, to rounding. Few directions take little more than half of
/// the time of all.
/// @param wanted numbers of directions, ascending; those that the window does not have are left out
/// @note Collective over `team`; the result is the same on all its ranks.   @throws SolverError, agreed
[[nodiscard]] ChosenPca chosen_components(const Communicator& team, const SnapshotSource& source,
                                          std::span<const int> wanted);

/// Projections on the leading directions, which are the first of `pca.directions`, on rank 0, and their cosine
/// contents.
/// @note Collective.
void measure_cosine_content(const Communicator& team, const SnapshotSource& source, Pca& pca);

}  // namespace flatsweep
