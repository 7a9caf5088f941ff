#include "flatsweep/analysis/snapshot_recorder.hpp"

#include "flatsweep/base/index.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace flatsweep {

SnapshotRecorder::SnapshotRecorder(std::vector<ParameterBlock> blocks, std::int64_t iterations)
    : blocks_(std::move(blocks)) {
  for (const auto& block : blocks_) rows_.push_back(std::make_shared<RowMatrixF>(iterations, block.size));
}

void SnapshotRecorder::record(std::span<const float> weights) {
  for (std::size_t i = 0; i < blocks_.size(); ++i)
    std::ranges::copy(weights.subspan(blocks_[i].offset, blocks_[i].size), rows_[i]->row(recorded_).data());
  ++recorded_;
}

}  // namespace flatsweep
