#pragma once

#include "flatsweep/nn/vector.hpp"

namespace flatsweep {

/// Rows of a block, one for each sample, are filled up to whole registers of the widest vectors: to as many on every
/// processor, so that memory and the order of sums do not depend on it. Kernels on partly filled registers were
/// measured a third slower.
constexpr int row_padding = 16;
static_assert(row_padding % vector_lanes == 0, "kernels go through rows a register at a time");

/// A number of rows that kernels may go through a register at a time. It is rounded up where it is made, and kernels
/// that write whole registers take no other number.
class PaddedRows {
 public:
  constexpr explicit PaddedRows(int samples) : count_((samples + row_padding - 1) / row_padding * row_padding) {}
  // Implicit: it is a number of rows everywhere else.
  constexpr operator int() const { return count_; }  // NOLINT(google-explicit-constructor)

 private:
  int count_;
};

[[nodiscard]] constexpr PaddedRows padded(int samples) { return PaddedRows(samples); }

}  // namespace flatsweep
