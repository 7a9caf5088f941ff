#pragma once

#include "flatsweep/linalg/second_moment.hpp"
#include "flatsweep/nn/aligned.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace flatsweep {

/// x -> x - sum_i r_i (p_i . x) p_i along orthonormal modes p_i: every component along a mode shrinks by the factor 1 -
/// r_i. The modes are read from memory once per call, two at a time, the second product while they are in cache: the
/// components are taken out one pair after the other, which is the same where modes are orthogonal. Memory is what
/// bounds it, so modes are kept in 16 bits a component, as integers of a common scale: what is kept is a unit vector
/// that differs from p_i by 2^-16 of its largest component in each place.
class ModeShrinkage {
 public:
  /// @param modes (n, N) orthonormal rows   @param shrinkage (n,) r_i from 0 to 1; modes with r_i = 0 are left out
  ModeShrinkage(const RowMatrixF& modes, std::span<const double> shrinkage);

  /// x = w - anchor shrinks; w becomes anchor + x.
  /// @param w, anchor (N,)
  void apply(std::span<float> w, std::span<const float> anchor);

 private:
  std::size_t size_, stride_;
  std::vector<float> shrinkage_;      // r_i / |row i|^2
  AlignedVector<std::int32_t> rows_;  // (n, stride/2), two components in each
  AlignedVector<float> x_, pair_;     // (stride,), (2, stride); zeros past N
};

}  // namespace flatsweep
