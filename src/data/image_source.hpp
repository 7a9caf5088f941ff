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
  int classes = 0;         ///< of the training part: labels are 0 to classes - 1
  PixelType numbers = PixelType::bytes;
  /// Reads the files to their end, so that all of them is checked, and keeps the leading images.
  /// @param pixels (n, features) numbers  @param labels (n,), n <= count
  /// @throws ConfigError naming the file
  std::function<void(std::span<std::byte> pixels, std::span<std::byte> labels)> read;
};

struct ImageSources {
  ImageSource train, test;
};

/// Finds a set's files and checks what their headers and sizes tell. Serial.
/// @throws ConfigError naming the file, for a missing one with the tools/get-data command that brings it
[[nodiscard]] ImageSources find_images(const DataOptions& options);

}  // namespace flatsweep
