#pragma once

#include "flatsweep/linalg/second_moment.hpp"
#include "flatsweep/par/communicator.hpp"
#include "flatsweep/train/trainer.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace flatsweep {

using SnapshotVisitor = std::function<void(const SnapshotBlock& rows)>;

/// The window of one layer: `iterations` consecutive snapshots of its weights, given out in order as blocks of rows.
/// Where they come from (memory, or training once more from the window's start) is the maker's affair.
struct SnapshotSource {
  std::int64_t iterations = 0;                                 ///< T
  std::int64_t size = 0;                                       ///< N
  std::function<void(const SnapshotVisitor&)> for_each_block;  ///< one full pass; may be called again
};

/// A source over rows held in memory. (T, N); the source keeps the rows alive.
[[nodiscard]] SnapshotSource in_memory(std::shared_ptr<const RowMatrixF> rows);

/// A source that trains the window anew on every pass and holds a few hundred rows at a time.
/// @param make_trainer gives a trainer at the start of the window
[[nodiscard]] SnapshotSource by_replay(std::function<std::unique_ptr<Trainer>()> make_trainer, std::int64_t epochs,
                                       ParameterBlock block);

/// Columns first .. first + width - 1 of a source.
[[nodiscard]] SnapshotSource columns_of(const SnapshotSource& source, std::int64_t first, std::int64_t width);

/// Gives every rank of the team every block of the source, in order.
/// @param source read on rank 0 only   @note Collective over `team`.
void for_each_shared_block(const Communicator& team, const SnapshotSource& source, const SnapshotVisitor& visit);

}  // namespace flatsweep
