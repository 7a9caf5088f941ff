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

struct Target {
  std::filesystem::path path;
  std::optional<PartialFile> partial;   ///< on rank 0
  std::uint64_t bytes = 0;              ///< about what it will hold

  void reserve() const { partial->reserve(bytes); }
};

void leader_writes(const Communicator& comm, const Target& target, const std::function<void()>& work) {
  leader_does(comm, [&] { with_path("cannot write", target.path, work); });
}

void assemble(const Communicator& comm, const Target& target, const std::vector<ResultPart>& parts,
              const std::function<void(std::size_t, std::size_t)>& progress) {
  Assembly assembly(comm, target.path);
  try {
    leader_writes(comm, target, [&] { target.reserve(); });   // creating the file gave back what was reserved
    for (std::size_t i = 0; i < parts.size(); ++i) {
      assembly.add(parts[i]);
      if (progress) progress(i + 1, parts.size());
    }
    assembly.close();
  } catch (const std::exception& error) {
    // HDF5 cannot drop a file, it must write its metadata to close it. With the space of the file given back that
    // works on a full disk too.
    if (target.partial) target.partial->discard();
    comm.barrier();
    assembly.abandon(error.what());
    throw;
  }
}

}  // namespace

void write_results(const Communicator& comm, const std::filesystem::path& path, const std::vector<ResultPart>& parts,
                   const std::function<void(std::size_t, std::size_t)>& progress) {
  const QuietHdf quiet;
  Target target{path, std::nullopt, check_parts(comm, parts)};
  leader_writes(comm, target, [&] {
    target.partial.emplace(path);
    target.reserve();
  });
  assemble(comm, target, parts, progress);
  leader_writes(comm, target, [&] { target.partial->publish(); });
}

}  // namespace flatsweep
