#pragma once

#include "flatsweep/base/index.hpp"
#include "flatsweep/linalg/second_moment.hpp"
#include "flatsweep/nn/network.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace flatsweep {

/// Keeps the weights of some layers after every iteration of a window.
class SnapshotRecorder {
 public:
  SnapshotRecorder(std::vector<ParameterBlock> blocks, std::int64_t iterations);

  /// @param weights (parameters,) after the next iteration   @pre called at most `iterations` times
  void record(std::span<const float> weights);

  /// (iterations, N) for every block, in their order; rows that were not recorded yet hold anything.
  [[nodiscard]] const std::vector<std::shared_ptr<RowMatrixF>>& rows() const { return rows_; }

 private:
  std::vector<ParameterBlock> blocks_;
  std::vector<std::shared_ptr<RowMatrixF>> rows_;
  Index recorded_ = 0;
};

}  // namespace flatsweep
