#pragma once

#include "flatsweep/nn/image_rows.hpp"

#include <cstddef>

namespace flatsweep {

/// Of a matrix or array whose rows are samples and whose columns are places.
[[nodiscard]] SampleRuns runs_of(auto& block) {
  const std::size_t rows = block.rows();
  return {block.data(), rows, rows, rows};
}

}  // namespace flatsweep
