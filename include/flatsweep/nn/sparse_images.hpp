#pragma once

#include "flatsweep/nn/aligned.hpp"
#include "flatsweep/nn/padded_rows.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace flatsweep {

/// Products of a minibatch of images with the first layer's weights that leave out pixels of value 0, four
/// neighbours at a time. Four of five pixels of MNIST are 0, so that this takes about a third of the multiplications.
/// Results are those of the whole products, apart from the order of the sums.
class SparseImages {
 public:
  /// @param features pixels of an image   @param outputs columns of W^T   @param batch most images
  SparseImages(int features, int outputs, int batch);

  /// Can images of this size be worked on at all?
  [[nodiscard]] static bool suits(int features) { return features % block_pixels == 0; }

  /// Marks the pixels that are not 0.
  /// @return whether leaving the others out is expected to be faster than multiplying everything
  bool scan(std::span<const std::uint8_t* const> images);

  /// z = X W^T for the images scanned last.
  /// @param x (images, features) row-major, the same images as floats   @param w (outputs, features) row-major
  /// @param z (rows, outputs) column-major, rows >= images; whole registers of rows are written
  void multiply(const float* x, const float* w, float* z, PaddedRows rows);

  /// dW = dZ^T X.
  /// @param errors dZ, laid out as z   @param gradient dW, laid out as w
  void gradient(const float* x, const float* errors, PaddedRows rows, float* gradient);

 private:
  static constexpr int group_pixels = 4;             // left out or multiplied together
  static constexpr int block_pixels = vector_lanes;  // transposed together
  static constexpr int chunk_images = 64;            // one bit each in a mask
  static_assert(block_pixels % group_pixels == 0 && chunk_images % vector_lanes == 0);

  struct Tile {
    int first, vectors;  // a register each from output `first` on, past the last output zeros
  };
  template <int vectors>
  void multiply_tile(const Tile& tile, const float* x, const float* w, float* z, std::size_t ldz);
  template <int vectors>
  void gradient_tile(const Tile& tile, const float* x, const float* errors, std::size_t lde, float* gradient);
  void transpose_weights(const Tile& tile, const float* w);
  void scatter_outputs(const Tile& tile, int first_image, float* z, std::size_t ldz) const;
  void gather_errors(const Tile& tile, const float* errors, std::size_t lde);
  void scatter_gradient(const Tile& tile, int first_pixel, float* gradient) const;
  [[nodiscard]] const std::uint64_t* masks_of(int chunk) const {
    return masks_.data() + chunk * static_cast<std::size_t>(groups_);
  }

  int features_, outputs_, groups_;
  int images_ = 0;  // scanned last
  std::vector<Tile> tiles_;
  std::vector<std::uint64_t> masks_;      // (chunks, groups): a bit for every image in which the group is not all 0
  std::vector<std::int32_t> low_, high_;  // the halves of a chunk's masks while they are made
  AlignedVector<float> weights_;          // (features, tile) W^T
  AlignedVector<float> rows_;             // (images, tile) z or dZ
  AlignedVector<float> block_;            // (block_pixels, tile) dW^T
};

}  // namespace flatsweep
