#pragma once

#include "flatsweep/io/array_file.hpp"
#include "flatsweep/nn/architecture.hpp"

#include <cstdint>
#include <string_view>

// Files that flatsweep.Recorder leaves (docs/own-networks.md).
namespace flatsweep {

constexpr std::string_view recorded_weights = "weights/", recorded_trajectory = "trajectory/";

[[nodiscard]] bool is_recording(const ArrayList& list);

/// What such a file says of its network and training.
struct Recording {
  Architecture architecture;
  std::int64_t stride = 0;      ///< steps from one snapshot to the next
  std::int64_t batch_size = 0;  ///< 0: it was not told
  std::string loss;             ///< as it was told; "": it was not
};

/// @throws ConfigError: a version that is not known, or a network that flatsweep cannot represent, by name
[[nodiscard]] Recording read_recording(const ArrayList& list);

}  // namespace flatsweep
