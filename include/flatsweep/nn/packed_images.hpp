#pragma once

#include "flatsweep/nn/aligned.hpp"
#include "flatsweep/nn/vector.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace flatsweep {

/// A block of images without their black pixels, for many products with the first layer: pairs of neighbouring pixels
/// that are not both 0, pair by pair and image by image, as they are read. Rows of numbers per image have `stride`
/// floats, a whole number of registers.
class PackedImages {
 public:
  explicit PackedImages(std::span<const std::uint8_t* const> images, int features);

  /// rows += X W^T.
  /// @param weights (padded features, stride) W^T   @param rows (images, stride)
  void add_products(const float* weights, std::size_t stride, float* rows) const;
  /// gradient += X^T rows, transposed like the weights.
  void add_gradient(const float* rows, std::size_t stride, float* gradient) const;

  /// Features rounded up to whole pairs.
  [[nodiscard]] static std::size_t padded_features(int features) {
    return (static_cast<std::size_t>(features) + 1) / 2 * 2;
  }
  [[nodiscard]] std::size_t bytes() const { return pixels_.size() * sizeof(float) + images_.size() * 2; }

 private:
  template <int vectors>
  void products_of(const float* weights, std::size_t stride, float* rows) const;
  template <int vectors>
  void gradient_of(const float* rows, std::size_t stride, float* gradient) const;

  std::vector<std::uint32_t> begin_;   // of each pair among the entries; one more than pairs
  std::vector<std::uint16_t> images_;  // of each entry
  std::vector<float> pixels_;          // two of each entry
};

}  // namespace flatsweep
