#pragma once

#include "posix_file.hpp"

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>

namespace flatsweep {

/// Writes a finished HDF5 file and the footer behind it: magic, length and CRC-32 of what stands before, origin,
/// CRC-32 of the place and the footer itself. HDF5 knows where its own data ends and ignores what follows.
void write_with_footer(const PartialFile& file, std::span<const std::byte> contents, const Origin& origin);

/// Checks that the footer is whole and the length is right, and that the file belongs to `run`, if one is given.
/// @return the origin; zeros in files of older builds
/// @throws DamagedFile saying what is wrong, IoError when the file cannot be read
Origin check_footer(const std::filesystem::path& path, const std::optional<Digest>& run = {});

/// As `check_footer`, and checks every byte against the CRC.
void check_every_byte(const std::filesystem::path& path, const std::optional<Digest>& run = {});

}  // namespace flatsweep
