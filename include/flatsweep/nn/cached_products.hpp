#pragma once

#include "flatsweep/nn/aligned.hpp"
#include "flatsweep/nn/matrix_product.hpp"
#include "flatsweep/nn/network.hpp"
#include "flatsweep/nn/network_executor.hpp"
#include "flatsweep/nn/packed_images.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace flatsweep {

/// Products of second-order matrices of a fully connected network's cross-entropy with many directions, at the same
/// weights and over the same samples: what does not depend on the direction (inputs of the layers, errors, derivatives
/// of activations) is computed once and kept. A product then costs one pass of tangents forward and one of their errors
/// back (Pearlmutter 1994). The numbers of a sample stand in a row, so that no matrix is ever transposed. Rank-local.
class CachedProducts {
 public:
  enum class Matrix { hessian, gauss_newton, empirical_fisher };

  /// Fully connected, cross-entropy, images of bytes, and what is kept of so many samples fits.
  [[nodiscard]] static bool suits(const Network& network, std::int64_t samples, std::size_t most_bytes);
  /// What it keeps of so many samples, at most.
  [[nodiscard]] static std::size_t bytes(const Network& network, std::int64_t samples);
  /// Samples that `add` takes at a time.
  static constexpr int block_samples = 128;

  /// @param weights (parameters,)
  CachedProducts(const Network& network, std::span<const float> weights);
  /// Keeps what is needed of at most `block_samples` samples.
  void add(std::span<const std::uint8_t* const> images, std::span<const std::uint8_t> labels);

  /// sum += A direction, A the matrix summed over all samples.
  /// @param direction (parameters,) 0 in layers before `first`   @param sum (parameters,) the same layers are not
  /// touched
  void multiply(Matrix matrix, std::span<const float> direction, std::size_t first, std::span<double> sum);

 private:
  struct LayerState {
    AlignedVector<float> input;  ///< (samples, padded inputs) h; empty for the first layer
    AlignedVector<float> error;  ///< (samples, padded outputs) e; empty for the first layer but where it is the last
    AlignedVector<float> slope;  ///< (samples, padded outputs) sigma'(z); empty where ReLU's next input tells
    AlignedVector<float> bend;   ///< the same of sigma''(z) times the output's error; empty where sigma'' is 0
  };
  struct Block {
    PackedImages images;
    std::vector<std::uint8_t> labels;
    std::vector<LayerState> layers;
  };
  /// What a layer works with.
  struct Workspace {
    std::size_t inputs = 0, outputs = 0;         ///< padded to whole registers
    AlignedVector<float> forward, back;          ///< W by inputs (inputs, padded outputs) and by outputs
    AlignedVector<float> forward_v, back_v;      ///< the same of the direction
    AlignedVector<float> tangent, error_change;  ///< (samples, padded inputs) h', (samples, padded outputs) e'
    AlignedVector<float> moved;                  ///< (samples, padded outputs) z', of a layer with a bend
    AlignedVector<float> gradient, bias;         ///< sums over some blocks
    std::vector<double> gradient_sum, bias_sum;  ///< sums over all
    MatrixProduct apply, add_response, pull, add_pull, add_gradient;
  };

  [[nodiscard]] AlignedVector<float> keep_input(std::size_t layer, std::size_t count);
  [[nodiscard]] AlignedVector<float> keep_error(std::size_t layer, std::span<const std::uint8_t> labels);
  void keep_slopes(Block& block, std::size_t layer);
  void prepare(std::span<const float> direction, std::size_t first);
  void forward(const Block& block, std::span<const float> direction, std::size_t first);
  void change_errors(Matrix matrix, const Block& block);
  void backward(Matrix matrix, const Block& block, std::size_t first);
  void flush(std::size_t first);
  void add_sums(std::size_t first, std::span<double> sum) const;

  Network network_;
  std::vector<float> weights_;
  NetworkExecutor executor_;
  std::vector<Block> blocks_;
  std::vector<Workspace> layers_;
  AlignedVector<float> responses_;  // (samples, padded classes)
  std::vector<float> scratch_;
};

}  // namespace flatsweep
