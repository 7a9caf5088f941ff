#pragma once

namespace flatsweep {

/// Bytes of one image: plane after plane, each row by row.
struct ImageShape {
  int channels = 1;
  int height = 0;
  int width = 0;
  [[nodiscard]] constexpr int features() const { return channels * height * width; }
  bool operator==(const ImageShape&) const = default;
};

}  // namespace flatsweep
