#pragma once

#include "flatsweep/data/image_dataset.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

namespace flatsweep {

/// Training or test part of a set as its files hold it: known in size, not yet read.
struct ImageSource {
  std::string file;  ///< its images' file, for messages
  ImageShape shape;
  std::int64_t count = 0;  ///< images in the files
  int classes = 0;  ///< of the training part: labels are 0 to classes - 1; of real targets how many each image has
  PixelType numbers = PixelType::bytes;
  /// Reads the files to their end, so that all of them is checked, and keeps the leading images.
  /// @param pixels (n, features) numbers  @param targets (n,) labels, or (n, classes) numbers in single precision,
  /// n <= count
  /// @throws ConfigError naming the file
  std::function<void(std::span<std::byte> pixels, std::span<std::byte> targets)> read;
  Targets targets = Targets::classes;
  [[nodiscard]] int target_bytes() const { return targets == Targets::real ? classes * 4 : 1; }  ///< of one image
};

struct ImageSources {
  ImageSource train, test;
};

/// Finds a set's files and checks what their headers and sizes tell. Serial.
/// @throws ConfigError naming the file, for a missing one with the tools/get-data command that brings it
[[nodiscard]] ImageSources find_images(const DataOptions& options);

}  // namespace flatsweep
