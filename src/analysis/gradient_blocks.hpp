#pragma once

#include "flatsweep/analysis/snapshots.hpp"
#include "flatsweep/base/index.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace flatsweep {

/// Calls fill(samples, row) for the row of every minibatch of an order and visits them in blocks of rows.
/// @param order a whole number of minibatches of `batch` samples   @param size numbers of a row
void for_each_gradient_block(std::span<const std::uint32_t> order, std::size_t batch, Index size, const auto& fill,
                             const SnapshotVisitor& visit) {
  constexpr Index gradients_per_block = 256;
  RowMatrixF rows(gradients_per_block, size);
  Index filled = 0;
  for (std::size_t first = 0; first < order.size(); first += batch) {
    fill(order.subspan(first, batch), rows.row(filled).data());
    if (++filled < gradients_per_block) continue;
    visit(rows);
    filled = 0;
  }
  if (filled > 0) visit(rows.topRows(filled));
}

}  // namespace flatsweep
