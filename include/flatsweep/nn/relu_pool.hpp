#pragma once

#include "flatsweep/nn/aligned.hpp"
#include "flatsweep/nn/image_rows.hpp"

#include <cstdint>

namespace flatsweep {

/// Rows of pre-activations without bias: the numbers of (channel, line) begin at data + channel * channel_stride + line
/// * line_stride, samples fastest.
struct LineBlock {
  const float* data = nullptr;
  std::size_t channel = 0, line = 0;
};

/// Where the errors of one line of squares go: rows `row`, row + 1, ... of images laid out as `layout`.
struct ErrorLine {
  float* data = nullptr;
  const ImageRows& layout;
  int row = 0;
};

/// ReLU and max-pooling of a convolution's output, one line of squares at a time. Because the largest of a square is
/// the same before and after a ReLU, the ReLU and the bias are applied to the pooled numbers only. The place that each
/// pooled number came from is kept for the way back. Of equal numbers the first counts, as in PyTorch.
class ReluPool {
 public:
  /// @param z shape of the pre-activations; its batch is the minibatch's
  ReluPool(const ImageRows& z, int pool);

  /// out(c, line, x) = max(largest of its square + bias, 0). Writes whole registers and clears what it wrote behind a
  /// row of `out`.
  /// @param z the `pool` rows of this line
  void forward(const LineBlock& z, int line, const float* bias, const SampleRuns& out);

  /// How pooled numbers move when pre-activations move as `t`; after `forward` of this line.
  void tangent(const LineBlock& t, int line, const SampleRuns& out) const;

  /// Spreads the error of the pooled numbers over the places they came from, 0 elsewhere.
  /// @param bias_gradient (channels,) receives this line's part on top of what is there
  void backward(const SampleRuns& out_error, int line, const ErrorLine& z, float* bias_gradient) const;

  [[nodiscard]] int lines() const { return lines_; }

 private:
  // With the side of the squares known to the compiler; side 0 stands for any other, `pool_`.
  template <int side>
  void forward_line(const LineBlock& z, int line, const float* bias, const SampleRuns& out);
  template <int side>
  void backward_line(const SampleRuns& out_error, int line, const ErrorLine& z, float* bias_gradient) const;
  [[nodiscard]] std::size_t choice(int c, int line, int x) const {
    return (static_cast<std::size_t>((c * lines_ + line) * columns_ + x) * registers_) * vector_lanes;
  }
  void clear_behind(const SampleRuns& out, int c, int line) const;

  int channels_, batch_, pool_;
  int lines_, columns_;
  std::size_t registers_;  // of a run of samples
  // (channels, lines, columns, padded batch): number of the place in its square; pool^2 where the ReLU is closed
  AlignedVector<std::uint8_t> choices_;
};

}  // namespace flatsweep
