#pragma once

#include "flatsweep/data/image_shape.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

namespace flatsweep {

/// Images of CIFAR-10 and CIFAR-100. The binary files are records of one label byte (CIFAR-100: of the coarse label,
/// then of the fine one, which is taken), then 1024 red, 1024 green and 1024 blue bytes, each row by row.
constexpr ImageShape cifar_shape{3, 32, 32};
enum class Cifar { ten, hundred };
[[nodiscard]] constexpr int cifar_classes(Cifar set) { return set == Cifar::ten ? 10 : 100; }

/// Images in a file, from its size.
/// @throws ConfigError naming the file: missing, empty, not a whole number of records
[[nodiscard]] std::int64_t count_cifar_images(const std::filesystem::path& file, Cifar set = Cifar::ten);

/// Reads the files one after another to their ends, so that all of them is checked, and keeps the leading images.
/// @param pixels (n, 3 * 32 * 32)  @param labels (n,), n no more than the files hold
/// @throws ConfigError naming the file: a label out of range, cut short
void read_cifar_images(std::span<const std::filesystem::path> files, std::span<std::byte> pixels,
                       std::span<std::byte> labels, Cifar set = Cifar::ten);

}  // namespace flatsweep
