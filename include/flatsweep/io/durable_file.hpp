#pragma once

#include "flatsweep/base/error.hpp"
#include "flatsweep/io/tree.hpp"

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string_view>

namespace flatsweep {

/// 16 bytes that stand for a text.
using Digest = std::array<std::uint8_t, 16>;

/// Which run a file belongs to, and which build on which kind of machine wrote it.
struct Origin {
  Digest run{};
  Digest build{};
};

/// On whose behalf files are written and read.
struct FileOwner {
  Origin origin;
  /// Called right before a file gets its name or is removed; throws IoError where the folder is another job's by now.
  std::function<void()> still_ours = [] {};
};

/// Writes `root` as an HDF5 file so that `path` is at every moment either absent, the old file, or the new one, whole:
/// a unique temporary name in the same folder, a footer with the file's length, CRC-32 and origin behind the HDF5
/// data, fsync, rename, fsync of the folder. Data sets carry fletcher32; object times are off, so equal trees of equal
/// origin give equal bytes. The footer knows the place of the file, folder and name, and is not taken for whole in any
/// other; NAME may become NAME-previous.
/// @throws IoError with path and reason; no temporary file is left behind.
void write_durable(const std::filesystem::path& path, const Group& root, const FileOwner& owner = {});

/// Reads a file made by `write_durable`, data included, after its footer has been checked.
/// @param run  the run that it must belong to; none: any, also files of older builds, which do not know theirs
/// @throws DamagedFile when it is cut short, damaged in any byte, or was written for another place or another run;
/// IoError when it cannot be read
[[nodiscard]] Group read_durable(const std::filesystem::path& path, const std::optional<Digest>& run = {});

/// As `read_durable` without the data (Dataset::bytes stays empty), and without reading the whole file for its CRC.
[[nodiscard]] Group read_skeleton(const std::filesystem::path& path, const std::optional<Digest>& run = {});

/// Of a file made by `write_durable`; its footer is checked. Zeros in files of older builds.
/// @throws as read_skeleton
[[nodiscard]] Origin read_origin(const std::filesystem::path& path);

/// Writes a text file in the same way, without a footer.
void write_durable_text(const std::filesystem::path& path, std::string_view text, const FileOwner& owner = {});

/// Removes what writers that were killed left in `folder` (not below): temporary files, never what a link points to.
void remove_temporary_files(const std::filesystem::path& folder) noexcept;

}  // namespace flatsweep
