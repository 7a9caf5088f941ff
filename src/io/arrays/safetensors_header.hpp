#pragma once

#include "flatsweep/io/array_file.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace flatsweep {

/// What the JSON text of a safetensors file says, arrays in its order.
struct SafetensorsHeader {
  struct Place {
    std::uint64_t begin = 0;  ///< from the end of the header
    std::uint64_t end = 0;
  };
  ArrayList list;
  std::vector<Place> places;  ///< of the arrays
};

/// Reads and tests the text: `{"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, "__metadata__":
/// {"text": "text"}}` and nothing else. Whether the places fill the file is not looked at.
/// @throws ConfigError without the path
[[nodiscard]] SafetensorsHeader parse_safetensors_header(std::string_view json);

}  // namespace flatsweep
