#pragma once

#include "posix_file.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

namespace flatsweep {

/// Writes a finished HDF5 file and the trailer behind it: magic, length and CRC-32 of what stands before, CRC-32 of the
/// place and the trailer itself. HDF5 knows where its own data ends and ignores what follows.
void write_with_trailer(const PartialFile& file, std::span<const std::byte> contents);

/// Checks that the trailer is whole and the length is right. @return the stored CRC-32 of the HDF5 data
/// @throws DamagedFile saying what is wrong, IoError when the file cannot be read
std::uint32_t check_trailer(const std::filesystem::path& path);

/// As `check_trailer`, and checks every byte against the CRC.
void check_every_byte(const std::filesystem::path& path);

}  // namespace flatsweep
