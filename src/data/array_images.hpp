#pragma once

#include "image_source.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace flatsweep {

/// A set in arrays: train-images, train-labels, test-images and test-labels as .npy files, or under these names with _
/// for - in one file data.npz, data.h5 or data.safetensors. Images are (M, C, H, W), (M, H, W) or features (M, d). Real
/// targets (M, K) are train-targets and test-targets in place of the labels.
/// @return nothing where the folder has no such file
/// @throws ConfigError naming the file
[[nodiscard]] std::optional<ImageSources> find_array_images(const std::filesystem::path& folder, double scale,
                                                            Targets targets);

// What all readers of sets share.

/// The shape of one image from that of all.   @throws ConfigError where an int cannot count its numbers
[[nodiscard]] ImageShape image_shape(const std::vector<std::int64_t>& all);

/// The number of classes, 2 to 256: one more than the largest label.
/// @throws DamagedData naming the file and a class below it that no image has
[[nodiscard]] int count_classes(const std::filesystem::path& file, std::span<const std::byte> labels);

/// @throws DamagedData naming the file and a label of `classes` or more
void check_labels(const std::filesystem::path& file, std::span<const std::byte> labels, int classes);

/// Stores numbers times `scale` (0: 1), a single to four bytes.
/// @throws DamagedData naming the file and a number that is not finite
void store_singles(const std::filesystem::path& file, std::span<const float> numbers, double scale,
                   std::span<std::byte> out, std::string_view what = "images");

}  // namespace flatsweep
