#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace flatsweep {

/// Numbers that C++ and Python (pytorch_cnn_reference.py) make alike, bit for bit, so that a reference file holds no
/// inputs. All products and sums below are exact or rounded once, so that a fused multiply-add changes nothing.
///
/// Output of the splitmix64 generator (Steele, Lea, Flood 2014) for the state stream * 2^32 + index.
inline std::uint64_t splitmix64(std::uint64_t stream, std::uint64_t index) {
  std::uint64_t z = ((stream << 32U) | index) + 0x9E3779B97F4A7C15U;
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31U);
}

/// The top 53 bits as a number u in [0, 1).
inline double splitmix_uniform(std::uint64_t stream, std::uint64_t index) {
  return static_cast<double>(splitmix64(stream, index) >> 11U) * 0x1p-53;
}

/// A layer's weights and biases in the flat vector: both uniform(+-2/sqrt(fan_in)), fan_in = in * kh * kw. That is
/// twice the usual start, from which LeNet-5 learns nothing in 20 steps.
struct SplitmixLayer {
  std::size_t parameters;  ///< weights and biases
  std::size_t fan_in;
};

/// Stream 1: the flat vector of all layers in forward order; weight j is number j, float32(bound (2u - 1)).
inline std::vector<float> splitmix_weights(std::span<const SplitmixLayer> layers) {
  std::vector<float> weights;
  for (const auto& layer : layers) {
    const double bound = 2.0 / std::sqrt(static_cast<double>(layer.fan_in));
    for (std::size_t j = 0; j < layer.parameters; ++j)
      weights.push_back(static_cast<float>(bound * (2.0 * splitmix_uniform(1, weights.size()) - 1.0)));
  }
  return weights;
}

/// Stream 2: label n is floor(classes * u).
inline std::vector<std::uint8_t> splitmix_labels(std::size_t count, std::size_t classes) {
  std::vector<std::uint8_t> labels(count);
  for (std::size_t n = 0; n < count; ++n)
    labels[n] = static_cast<std::uint8_t>(static_cast<double>(classes) * splitmix_uniform(2, n));
  return labels;
}

/// Planes (channel, y, x) of one image.
struct SplitmixPlanes {
  std::size_t channels, height, width;
  [[nodiscard]] std::size_t size() const { return channels * height * width; }
};

/// Is the 4 x 4 square that holds the pixel `feature` white for this label? Stream 3, number label * size + the
/// square's first pixel: the top bit.
inline bool splitmix_white(const SplitmixPlanes& planes, std::size_t label, std::size_t feature) {
  const auto x = feature % planes.width, row = feature / planes.width;  // height is a multiple of 4
  return (splitmix64(3, label * planes.size() + row / 4 * 4 * planes.width + x / 4 * 4) >> 63U) == 1;
}

/// Bytes (labels.size(), planes.size()): floor((3 * 255 * white + noise) / 4), noise the top byte of stream 4, number
/// image * size + feature.
inline std::vector<std::uint8_t> splitmix_images(std::span<const std::uint8_t> labels, const SplitmixPlanes& planes) {
  std::vector<std::uint8_t> pixels;
  pixels.reserve(labels.size() * planes.size());
  for (std::size_t n = 0; n < labels.size(); ++n)
    for (std::size_t f = 0; f < planes.size(); ++f) {
      const auto noise = splitmix64(4, n * planes.size() + f) >> 56U;
      pixels.push_back(static_cast<std::uint8_t>(((splitmix_white(planes, labels[n], f) ? 765U : 0U) + noise) / 4));
    }
  return pixels;
}

/// A direction of length 1 with components proportional to 2u - 1 of `stream`.
inline std::vector<double> splitmix_direction(std::uint64_t stream, std::size_t size) {
  std::vector<double> direction(size);
  double squares = 0.0;
  for (std::size_t j = 0; j < size; ++j) {
    direction[j] = 2.0 * splitmix_uniform(stream, j) - 1.0;
    squares += direction[j] * direction[j];
  }
  for (auto& component : direction) component /= std::sqrt(squares);
  return direction;
}

}  // namespace flatsweep
