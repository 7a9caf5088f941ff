#include "flatsweep/io/results_file.hpp"

#include "assembly.hpp"
#include "flatsweep/par/agreement.hpp"
#include "posix_file.hpp"
#include "trailer.hpp"

#include <optional>

namespace flatsweep {

namespace {

std::uint64_t bytes_in(const Group& group) {
  std::uint64_t bytes = 0;
  for (const auto& dataset : group.datasets) bytes += dataset.bytes.size();
  for (const auto& child : group.groups) bytes += bytes_in(child);
  return bytes;
}

/// Checks every byte of every part's file, dealt over the ranks. @return bytes in all parts
std::uint64_t check_parts(const Communicator& comm, const std::vector<ResultPart>& parts) {
  std::int64_t bytes = 0;
  agree(comm, [&] {
    for (auto i = static_cast<std::size_t>(comm.rank()); i < parts.size(); i += static_cast<std::size_t>(comm.size())) {
      const auto& part = parts[i];
      if (part.file.empty()) bytes += static_cast<std::int64_t>(bytes_in(part.tree));
      if (part.file.empty()) continue;
      with_path("cannot read", part.file, [&] { check_every_byte(part.file); });
      bytes += static_cast<std::int64_t>(std::filesystem::file_size(part.file));
    }
  });
  return static_cast<std::uint64_t>(comm.sum(bytes));
}

void assemble(const Communicator& comm, const std::optional<PartialFile>& partial, const std::filesystem::path& path,
              const std::vector<ResultPart>& parts, const std::function<void(std::size_t, std::size_t)>& progress,
              std::uint64_t bytes) {
  Assembly assembly(comm, PartialFile::path_of(path));
  try {
    // Creating the file gave the space back that was reserved before.
    leader_does(comm, [&] { partial->reserve(bytes); });
    for (std::size_t i = 0; i < parts.size(); ++i) {
      assembly.add(parts[i]);
      if (progress) progress(i + 1, parts.size());
    }
    assembly.close();
  } catch (...) {
    // HDF5 cannot drop a file, it must write its metadata to close it. With the space of the file given back that
    // works on a full disk too; otherwise ranks that fail and ranks that do not would wait for each other.
    if (partial) partial->discard();
    comm.barrier();
    throw;
  }
}

}  // namespace

void write_results(const Communicator& comm, const std::filesystem::path& path, const std::vector<ResultPart>& parts,
                   const std::function<void(std::size_t, std::size_t)>& progress) {
  const QuietHdf quiet;
  const auto bytes = check_parts(comm, parts);
  std::optional<PartialFile> partial;   // on rank 0
  const auto with_name = [&](const auto& work) { return [&] { with_path("cannot write", path, work); }; };
  leader_does(comm, with_name([&] {
    partial.emplace(path);
    partial->reserve(bytes);
  }));
  assemble(comm, partial, path, parts, progress, bytes);
  leader_does(comm, with_name([&] { partial->publish(); }));
}

}  // namespace flatsweep
