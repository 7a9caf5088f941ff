#pragma once

#include "flatsweep/nn/aligned.hpp"
#include "flatsweep/nn/vector.hpp"

#include <cstddef>
#include <vector>

namespace flatsweep {

/// Pixels of a minibatch in runs: the numbers of one place (channel, y, x) for all samples stand side by side.
/// The layers hand their outputs on in this form, whatever their own storage looks like.
struct SampleRuns {
  float* data = nullptr;
  std::size_t channel = 0, row = 0, column = 0;  ///< strides in floats
  [[nodiscard]] float* at(int c, int y, int x) const { return data + c * channel + y * row + x * column; }
};

/// How the images of a minibatch stand in memory for convolutions: channel, y, x, sample, samples fastest. A row of an
/// image is then one contiguous run of width x batch numbers, and shifting it by one place is shifting it by `batch`
/// numbers: kernels work through rows in whole vector registers whatever the width and the batch. Zeros stand on both
/// sides of a row; behind them is room for a register that reaches over the end.
struct ImageRows {
  int channels = 0, height = 0, width = 0;
  int batch = 0;
  int padding = 0;          ///< columns of zeros on either side
  std::size_t lead = 0;     ///< floats before the first place of a row; a multiple of the register
  std::size_t row = 0;      ///< stride from row to row
  std::size_t channel = 0;  ///< stride from channel to channel

  ImageRows() = default;
  ImageRows(int channels_, int height_, int width_, int batch_, int padding_)
      : channels(channels_),
        height(height_),
        width(width_),
        batch(batch_),
        padding(padding_),
        lead(whole_registers(padding * batch)),
        row(whole_registers(lead + (width + padding) * batch) + vector_lanes),
        channel(row * height) {}
  /// Pixels of a row without the zeros.
  [[nodiscard]] int row_length() const { return width * batch; }
  [[nodiscard]] std::size_t size() const { return channel * channels; }
  /// Offset of place (c, y, 0).
  [[nodiscard]] std::size_t at(int c, int y) const { return c * channel + y * row + lead; }
  [[nodiscard]] SampleRuns runs(float* data) const {
    return {data + lead, channel, row, static_cast<std::size_t>(batch)};
  }
  /// Memory for one minibatch; all zero, so that what stands beside the rows is.
  [[nodiscard]] AlignedVector<float> make() const { return AlignedVector<float>(size(), 0.0F); }
};

/// A row of an image, from its first zero on, and the row of kernels that it meets: c * kernel + i.
struct KernelRow {
  const float* x;
  std::size_t number;
};

/// What row y of a correlation with square kernels reads of `in`: rows beside the image are left out.
inline void find_kernel_rows(const ImageRows& layout, const float* in, int kernel, int y,
                             std::vector<KernelRow>& found) {
  found.clear();
  const std::size_t before = layout.padding * layout.batch;
  for (int c = 0; c < layout.channels; ++c)
    for (int i = 0; i < kernel; ++i) {
      const int from = y + i - layout.padding;
      if (from >= 0 && from < layout.height)
        found.push_back({in + layout.at(c, from) - before, static_cast<std::size_t>(c * kernel + i)});
    }
}

}  // namespace flatsweep
