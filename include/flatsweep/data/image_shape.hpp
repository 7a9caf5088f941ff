#pragma once

namespace flatsweep {

/// How the numbers of images stand in memory: a byte is a number from 0 to 1 in units of 1/255.
enum class PixelType { bytes, singles };

[[nodiscard]] constexpr int bytes_of(PixelType numbers) { return numbers == PixelType::bytes ? 1 : 4; }

/// Pixels of one image: plane after plane, each row by row. Feature vectors are images of one row.
struct ImageShape {
  int channels = 1;
  int height = 0;
  int width = 0;
  [[nodiscard]] constexpr int features() const { return channels * height * width; }
  bool operator==(const ImageShape&) const = default;
};

}  // namespace flatsweep
