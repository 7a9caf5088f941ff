#pragma once

#include "flatsweep/nn/image_rows.hpp"

#include <cstddef>
#include <vector>

namespace flatsweep {

/// Gradient of a convolution's kernels: dW(o, c, i, j) = sum over samples and places (y, x) of
/// error(o, y, x) in(c, y + i - padding, x + j - padding), built up row of errors by row of errors.
///
/// Two ways, each best where it is used. With output channels that fill whole registers an error row is transposed and
/// every input number is multiplied by the errors of all outputs at once. With fewer (LeNet's 6) the sums run along the
/// row, a register of partial sums for every weight.
class KernelGradient {
 public:
  /// @param errors layout of the errors; behind each of its rows there must be zeros
  KernelGradient(const ImageRows& in, const ImageRows& errors, int kernel);

  void start();
  /// Row y of the pre-activations, whose errors stand in row `stored` of `errors`.
  void add_row(const float* in, int y, const float* errors, int stored);
  /// Writes dW, (out, channels, kernel, kernel).
  void finish(float* gradient);

 private:
  void transpose_errors(const float* errors, int stored);
  void add_by_outputs();
  template <int vectors, int rows>
  void add_outputs_from(int first);
  template <int vectors, int rows, int columns>
  void multiply_outputs(const KernelRow* sources, int count, int column, int first);

  void add_by_places(const float* errors, int stored);
  template <int outputs>
  void add_places_of(int first, const float* errors, int stored);
  void finish_by_places(float* gradient) const;

  [[nodiscard]] bool by_outputs() const { return errors_.channels % vector_lanes == 0; }
  [[nodiscard]] std::size_t weights_per_output() const { return in_.channels * kernel_ * kernel_; }

  ImageRows in_, errors_;
  int kernel_;
  std::vector<KernelRow> sources_;
  AlignedVector<float> sums_;        // by outputs: (channels, kernel, kernel, out); by places: (out, channels.., lanes)
  AlignedVector<float> transposed_;  // (places, out) of the error row at hand
  AlignedVector<float> zeros_;       // a row beside the image
  std::vector<const float*> places_;
};

}  // namespace flatsweep
