#pragma once

#include "flatsweep/nn/image_rows.hpp"

#include <cstddef>
#include <vector>

namespace flatsweep {

/// Cross-correlation of images with square kernels, row by row: out(o, y, x) = sum over c, i, j of
/// w(o, c, i, j) in(c, y + i - padding, x + j - padding), for all samples at once (stride 1). The forward pass of a
/// convolution layer, and with mirrored kernels the way back to its input.
class RowConvolution {
 public:
  /// @param padding of `in`; the zeros above and below the image are never stored nor multiplied
  RowConvolution(const ImageRows& in, int out_channels, int kernel);

  enum class Kernels { plain, mirrored };
  /// Packs the kernels in the order in which they are read. plain: w is (out, channels, kernel, kernel); mirrored: w is
  /// (channels, out, kernel, kernel) and every kernel is turned by 180 degrees.
  void pack(const float* w, Kernels kind);

  [[nodiscard]] int out_height() const { return in_.height + 2 * in_.padding - kernel_ + 1; }
  [[nodiscard]] int out_width() const { return in_.width + 2 * in_.padding - kernel_ + 1; }

  /// Row y of all output channels. Whole registers are written, the last one reaches over the row's end.
  /// @param in   as laid out by `in`   @param out (out_channels, out_width, batch), `channel` floats from one to the
  /// next
  void row(const float* in, int y, float* out, std::size_t channel);

 private:
  template <int outputs>
  void tile(int first, float* out, std::size_t channel) const;
  template <int outputs, int vectors>
  void block(const float* w, std::size_t at, int from, int to, float* out, std::size_t channel) const;
  template <int outputs, int vectors>
  void last_block(int count, const float* w, std::size_t at, int from, int to, float* out, std::size_t channel) const;

  ImageRows in_;
  int out_channels_;
  int kernel_;
  std::vector<int> tiles_;  // output channels of each tile
  AlignedVector<float> packed_;
  std::vector<KernelRow> sources_;  // of the row at hand
};

}  // namespace flatsweep
