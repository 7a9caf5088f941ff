#pragma once

#include "flatsweep/base/error.hpp"
#include "flatsweep/io/tree.hpp"

#include <filesystem>
#include <string_view>

namespace flatsweep {

/// Writes `root` as an HDF5 file so that `path` is at every moment either absent, the old file, or the new one, whole:
/// temporary name in the same folder, a trailer with the file's length and CRC-32 behind the HDF5 data, fsync, rename,
/// fsync of the folder. Data sets carry fletcher32; object times are off, so equal trees give equal bytes. The trailer
/// knows the place of the file, folder and name, and is not taken for whole in any other; NAME may become
/// NAME-previous.
/// @throws IoError with path and reason; no temporary file is left behind.
void write_durable(const std::filesystem::path& path, const Group& root);

/// Reads a file made by `write_durable`, data included, after its trailer has been checked.
/// @throws DamagedFile when it is cut short, damaged in any byte, or was written for another place; IoError when it
/// cannot be read
[[nodiscard]] Group read_durable(const std::filesystem::path& path);

/// As `read_durable` without the data (Dataset::bytes stays empty), and without reading the whole file for its CRC.
[[nodiscard]] Group read_skeleton(const std::filesystem::path& path);

/// Writes a text file in the same way, without a trailer.
void write_durable_text(const std::filesystem::path& path, std::string_view text);

}  // namespace flatsweep
