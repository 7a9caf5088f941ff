#pragma once

#include "flatsweep/linalg/second_moment.hpp"
#include "flatsweep/nn/aligned.hpp"
#include "flatsweep/nn/vector.hpp"

#include <Eigen/Core>

#include <cstdint>
#include <span>
#include <vector>

namespace flatsweep {

/// x -> x - sum_i r_i (p_i . x) p_i along orthonormal modes p_i: every component along a mode shrinks by the factor 1 -
/// r_i. Several points, each with its own r, share the modes. These are read from memory once per call, a few at a
/// time: the components are taken out one group after the other, which is the same where modes are orthogonal. For one
/// point memory is what bounds it, so modes are kept in 16 bits a component, as integers of a common scale: what is
/// kept is a unit vector that differs from p_i by 2^-16 of its largest component in each place.
class ModeShrinkage {
 public:
  /// @param modes (n, N) orthonormal rows   @param shrinkage (points, n) r_i from 0 to 1 of each point; modes with r_i
  /// = 0 for all points are left out
  ModeShrinkage(const RowMatrixF& modes, const Eigen::MatrixXd& shrinkage);

  /// x = w - anchor shrinks, for every point; w becomes anchor + x.
  /// @param w (points,) of (N,) each   @param anchor (N,)
  void apply(std::span<const std::span<float>> w, std::span<const float> anchor);

 private:
  void take_out_pairs(float* x);
  void take_out_panels();
  [[nodiscard]] const std::int32_t* row(std::size_t i) const { return rows_.data() + i * stride_ / 2; }

  std::size_t points_, size_, stride_, count_ = 0;
  std::vector<float> shrinkage_;      // (points, count) r_i / |row i|^2
  AlignedVector<std::int32_t> rows_;  // (count, stride/2), two components in each
  AlignedVector<float> x_, wide_;     // (points, stride), zeros past N; some modes as floats
  AlignedVector<Vector> sums_;        // (points, panel) products of modes and x, to be summed over lanes
};

}  // namespace flatsweep
