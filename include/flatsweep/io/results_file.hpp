#pragma once

#include "flatsweep/io/durable_file.hpp"
#include "flatsweep/io/tree.hpp"
#include "flatsweep/par/communicator.hpp"

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace flatsweep {

/// One group of results.h5 and where its contents come from.
struct ResultPart {
  std::string group;                         ///< path of the group in results.h5, e.g. "replica/000012"; "" is the root
  std::filesystem::path file;                ///< a file of `write_durable`; when empty, `tree` is written instead
  Group tree;                                ///< replicated on all ranks (attributes, small tables)
  std::optional<Digest> run = std::nullopt;  ///< the run that the file must belong to
};

/// Assembles `path` from `parts`. Every byte of every part's file is checked first, dealt over the ranks, and disk
/// space is reserved. Rank 0 lays the file out and writes the small data sets (one chunk, about 1 MiB); the rows of the
/// larger ones are dealt over the ranks, who read their rows from the part's file, write them with collective parallel
/// HDF5, and read them back. The file appears under its name only when complete (temporary name, fsync, rename). Equal
/// parts give equal bytes for any number of ranks. Parts may name the same group; attributes of later parts replace
/// those of earlier ones, and an index scale (see `is_index_scale`) may come from several.
/// @param progress called on every rank after each part with (parts done, parts in all); may be empty. What it throws
/// it must throw on all ranks.
/// @param still_ours called on rank 0 right before the file gets its name; may throw IoError
/// @note Collective over `comm`.  @throws IoError, agreed over the ranks; the temporary file is removed. A disk that
/// goes on failing under HDF5 (space is reserved before, so this is no full disk) ends the process with exit code 74.
void write_results(const Communicator& comm, const std::filesystem::path& path, const std::vector<ResultPart>& parts,
                   const std::function<void(std::size_t, std::size_t)>& progress = {},
                   const std::function<void()>& still_ours = {});

/// Reads all of a results file but its data, every description tested.  @return that  @throws IoError
Group check_results(const std::filesystem::path& path);

/// One group of a results file with all below it; IoError also where there is none.
[[nodiscard]] Group read_results_group(const std::filesystem::path& path, const std::string& group);

/// Reads a whole results file into memory, its checksums tested. Serial.  @throws IoError
[[nodiscard]] Group read_results(const std::filesystem::path& path);

}  // namespace flatsweep
