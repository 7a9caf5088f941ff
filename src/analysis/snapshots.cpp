#include "flatsweep/analysis/snapshots.hpp"

#include "flatsweep/base/index.hpp"
#include "flatsweep/linalg/entries.hpp"

#include <algorithm>

namespace flatsweep {

namespace {
constexpr Index snapshots_per_block = 512;
}

SnapshotSource in_memory(std::shared_ptr<const RowMatrixF> rows) {
  SnapshotSource source{rows->rows(), rows->cols(), {}};
  source.for_each_block = [rows = std::move(rows)](const SnapshotVisitor& visit) {
    for (Index first = 0; first < rows->rows(); first += snapshots_per_block)
      visit(rows->middleRows(first, std::min(snapshots_per_block, rows->rows() - first)));
  };
  return source;
}

SnapshotSource by_replay(std::function<std::unique_ptr<Trainer>()> make_trainer, std::int64_t epochs,
                         ParameterBlock block) {
  SnapshotSource source{epochs * make_trainer()->iterations_per_epoch(), static_cast<std::int64_t>(block.size), {}};
  source.for_each_block = [make_trainer = std::move(make_trainer), epochs, block](const SnapshotVisitor& visit) {
    RowMatrixF rows(snapshots_per_block, block.size);
    Index filled = 0;
    const auto keep = [&](std::span<const float> weights) {
      std::copy_n(weights.begin() + block.offset, block.size, rows.row(filled).data());
      if (++filled < snapshots_per_block) return;
      visit(rows);
      filled = 0;
    };
    const auto trainer = make_trainer();
    for (std::int64_t epoch = 0; epoch < epochs; ++epoch) trainer->run_steps(keep);
    if (filled > 0) visit(rows.topRows(filled));
  };
  return source;
}

SnapshotSource columns_of(const SnapshotSource& source, std::int64_t first, std::int64_t width) {
  SnapshotSource columns{source.iterations, width, {}};
  columns.for_each_block = [source, first, width](const SnapshotVisitor& visit) {
    source.for_each_block([&](const SnapshotBlock& rows) { visit(rows.middleCols(first, width)); });
  };
  return columns;
}

void for_each_shared_block(const Communicator& team, const SnapshotSource& source, const SnapshotVisitor& visit) {
  if (team.size() == 1) return source.for_each_block(visit);
  const Index size = team.broadcast(source.size);
  const auto send = [&](const SnapshotBlock& rows) {
    (void)team.broadcast(std::int64_t{rows.rows()});
    RowMatrixF copy = rows;
    team.broadcast(entries(copy));
    visit(copy);
  };
  if (team.is_root()) {
    source.for_each_block(send);
    (void)team.broadcast(std::int64_t{0});
    return;
  }
  while (const Index count = team.broadcast(std::int64_t{0})) {
    RowMatrixF rows(count, size);
    team.broadcast(entries(rows));
    visit(rows);
  }
}

}  // namespace flatsweep
