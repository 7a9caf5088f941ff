#pragma once

#include "flatsweep/io/durable_file.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace flatsweep {

/// An array to be written, row-major; the numbers belong to the caller.
struct ArrayView {
  std::string name;
  std::vector<std::int64_t> shape;  ///< none for a single number
  std::variant<std::span<const float>, std::span<const double>> values;
};

/// Writes a safetensors file as `write_durable` writes its own: `path` is at every moment absent, the old file, or the
/// new one, whole. Equal arrays give equal bytes. The arrays stand in the order given, their beginning at a multiple of
/// 8 bytes.
/// @throws IoError with path and reason: also for a name that `ArrayFile` would refuse or that is there twice, and
/// where shape and values differ in number
void write_safetensors(const std::filesystem::path& path, std::span<const ArrayView> arrays,
                       const std::map<std::string, std::string>& metadata = {}, const FileOwner& owner = {});

}  // namespace flatsweep
