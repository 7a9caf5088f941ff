#pragma once

#include "flatsweep/io/tree.hpp"
#include "flatsweep/par/communicator.hpp"

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace flatsweep {

/// One group of results.h5 and where its contents come from.
struct ResultPart {
  std::string group;                ///< path of the group in results.h5, e.g. "replica/000012"; "" is the root
  std::filesystem::path file;       ///< a file of `write_durable`; when empty, `tree` is written instead
  Group tree;                       ///< replicated on all ranks (attributes, small tables)
};

/// Assembles `path` from `parts` with parallel HDF5. Metadata is created by all ranks alike; each data set's rows are
/// dealt over the ranks, who read their rows from the part's file and write them in one collective call. The file
/// appears under its name only when complete (temporary name, fsync, rename).
/// Equal parts give equal bytes for any number of ranks.
/// @param progress called on every rank after each part with (parts done, parts in all); may be empty
/// @note Collective over `comm`.  @throws IoError, agreed over the ranks; the temporary file is removed
void write_results(const Communicator& comm, const std::filesystem::path& path, const std::vector<ResultPart>& parts,
                   const std::function<void(std::size_t, std::size_t)>& progress = {});

}  // namespace flatsweep
