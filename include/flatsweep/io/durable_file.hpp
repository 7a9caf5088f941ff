#pragma once

#include "flatsweep/io/tree.hpp"

#include <filesystem>

namespace flatsweep {

/// Writes `root` as an HDF5 file so that `path` is at every moment either absent, the old file, or the new one, whole:
/// temporary name in the same folder, a trailer with the file's length and CRC-32 behind the HDF5 data, fsync, rename,
/// fsync of the folder. Data sets carry fletcher32; object times are off, so equal trees give equal bytes.
/// @throws IoError with path and reason; no temporary file is left behind.
void write_durable(const std::filesystem::path& path, const Group& root);

/// Reads a file made by `write_durable`, data included, after its trailer has been checked.
/// @throws IoError when it is missing, cut short, or damaged in any byte
[[nodiscard]] Group read_durable(const std::filesystem::path& path);

/// As `read_durable` without the data (Dataset::bytes stays empty), and without reading the whole file for its CRC.
[[nodiscard]] Group read_skeleton(const std::filesystem::path& path);

}  // namespace flatsweep
