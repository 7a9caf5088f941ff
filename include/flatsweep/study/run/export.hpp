#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace flatsweep {

/// What of a finished run is written for other programs.
struct ExportOptions {
  std::filesystem::path run;         ///< an output folder with results.h5
  std::int64_t replica = 0;          ///< its row in /grid
  std::filesystem::path weights;     ///< a safetensors file to write; empty: none
  std::filesystem::path trajectory;  ///< a .npz file to write; empty: none
};

/// Writes w_0 of a replica under the names of PyTorch's state_dict (fc1.weight, fc1.bias), and the snapshots of its
/// window as arrays (T, shape of the weights) of the same names. Serial.
/// @return lines for the terminal
/// @throws ConfigError: there is no such replica, or it has no trajectory; a file to write is one of the run, or is
/// there and no regular file; IoError
std::vector<std::string> export_replica(const ExportOptions& options);

}  // namespace flatsweep
