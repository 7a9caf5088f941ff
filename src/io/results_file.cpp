#include "flatsweep/io/results_file.hpp"

#include "assembly.hpp"
#include "flatsweep/par/agreement.hpp"
#include "footer.hpp"
#include "hdf5_object.hpp"
#include "hdf5_reader.hpp"
#include "memory_file.hpp"
#include "posix_file.hpp"
#include "posix_handle.hpp"
#include "shared_file.hpp"

#include <optional>

namespace flatsweep {

namespace {

/// About what a tree takes in the file, names and descriptions included.
std::uint64_t bytes_in(const Group& group) {
  constexpr std::uint64_t per_object = 4096;
  std::uint64_t bytes = per_object + 256 * group.attributes.size();
  for (const auto& attribute : group.attributes)
    if (const auto* text = std::get_if<std::string>(&attribute.value)) bytes += text->size();
  for (const auto& dataset : group.datasets) bytes += per_object + dataset.bytes.size();
  for (const auto& child : group.groups) bytes += bytes_in(child);
  return bytes;
}

/// Checks every byte of every part's file, dealt over the ranks. @return bytes in all parts
std::uint64_t check_parts(const Communicator& comm, const std::vector<ResultPart>& parts) {
  std::int64_t bytes = 0;
  agree(comm, [&] {
    for (std::size_t i = comm.rank(); i < parts.size(); i += comm.size()) {
      const auto& part = parts[i];
      if (part.file.empty()) bytes += bytes_in(part.tree);
      if (part.file.empty()) continue;
      with_path("cannot read", part.file, [&] { check_every_byte(part.file, part.run); });
      bytes += size_of(open_to_read(part.file));
    }
  });
  return comm.sum(bytes);
}

struct Target {
  std::filesystem::path path;
  std::optional<PartialFile> partial;    ///< on rank 0
  std::filesystem::path partial_path{};  ///< on every rank
};

/// An HDF5 file without contents, and disk space for `bytes`. What can fail fails here, where one rank writes: MPI-IO
/// and HDF5 take a full disk badly.
void prepare(Target& target, std::uint64_t bytes) {
  const MemoryFile empty([](hid_t) {});
  target.partial.emplace(target.path);
  target.partial->write(empty.bytes());
  constexpr std::uint64_t margin = std::uint64_t{1} << 20;
  target.partial->reserve(bytes + bytes / 20 + margin);
}

void root_writes(const Communicator& comm, const Target& target, const std::function<void()>& work) {
  on_root(comm, [&] { with_path("cannot write", target.path, work); });
}

void tell_name(const Communicator& comm, Target& target) {
  std::string name = target.partial ? target.partial->path().string() : "";
  comm.broadcast(name);
  target.partial_path = name;
}

/// A data set whose rows are dealt over the ranks: number of its part, path within the part.
struct Large {
  std::size_t part;
  std::string path;
};

class Progress {
 public:
  Progress(std::size_t parts, const std::function<void(std::size_t, std::size_t)>& report)
      : parts_(parts), report_(report) {}
  void part_is_done() {
    ++done_;
    if (report_) report_(done_, parts_);
  }

 private:
  std::size_t parts_;
  std::size_t done_ = 0;
  const std::function<void(std::size_t, std::size_t)>& report_;
};

void send_to_all(const Communicator& comm, std::vector<std::string>& texts) {
  texts.resize(comm.broadcast(std::ssize(texts)));
  for (auto& text : texts) comm.broadcast(text);
}

template <class Work>
void with_part(const ResultPart& part, Work&& work) {
  const auto name = part.file.empty() ? "group /" + part.group : part.file.string();
  with_path("part", name, work);
}

/// Rank 0 lays the file out. @return the large data sets, on all ranks
std::vector<Large> write_small(const Communicator& comm, const Target& target, const std::vector<ResultPart>& parts,
                               Progress& progress) {
  std::optional<Assembly> assembly;  // on rank 0
  std::vector<Large> all;
  try {
    root_writes(comm, target, [&] { assembly.emplace(target.partial->path()); });
    for (std::size_t i = 0; i < parts.size(); ++i) {
      std::vector<std::string> large;
      root_writes(comm, target, [&] { with_part(parts[i], [&] { large = assembly->add(parts[i]); }); });
      send_to_all(comm, large);
      for (auto& path : large) all.push_back({i, std::move(path)});
      if (large.empty()) progress.part_is_done();
    }
    root_writes(comm, target, [&] { assembly->close(); });
  } catch (const std::exception& error) {
    // HDF5 cannot drop a file, it must write its metadata to close it. With the space of the file given back that
    // works on a full disk too.
    if (target.partial) target.partial->discard();
    if (assembly && !assembly->abandon()) end_process(error.what(), target.partial_path);
    throw;
  }
  return all;
}

void write_large(const Communicator& comm, const Target& target, const std::vector<ResultPart>& parts,
                 const std::vector<Large>& all, Progress& progress) {
  SharedFile file(comm, target.path, target.partial_path);
  try {
    for (std::size_t i = 0; i < all.size(); ++i) {
      file.write(parts[all[i].part], all[i].path);
      if (i + 1 == all.size() || all[i + 1].part != all[i].part) progress.part_is_done();
    }
    file.close();
  } catch (const std::exception& error) {
    if (target.partial) target.partial->discard();
    comm.barrier();
    file.abandon(error.what());
    throw;
  }
}

}  // namespace

void write_results(const Communicator& comm, const std::filesystem::path& path, const std::vector<ResultPart>& parts,
                   const std::function<void(std::size_t, std::size_t)>& progress,
                   const std::function<void()>& still_ours) {
  const QuietHdf quiet;
  const auto bytes = check_parts(comm, parts);
  Target target{path, std::nullopt, {}};
  Progress so_far(parts.size(), progress);
  root_writes(comm, target, [&] { prepare(target, bytes); });
  tell_name(comm, target);
  const auto large = write_small(comm, target, parts, so_far);
  if (!large.empty()) write_large(comm, target, parts, large, so_far);
  root_writes(comm, target, [&] { target.partial->publish(still_ours); });
}

Group check_results(const std::filesystem::path& path) {
  const QuietHdf quiet;
  return with_path("cannot read", path, [&] {
    const auto file = open_durable(path);
    return read_group(open_or_create_group(file.get(), "").get(), "", Contents::description);
  });
}

Group read_results_group(const std::filesystem::path& path, const std::string& group) {
  const QuietHdf quiet;
  return with_path("cannot read", path, [&] {
    const auto file = open_durable(path);
    const HdfObject found(check_hdf(H5Gopen2(file.get(), group.c_str(), H5P_DEFAULT), "opening the group", group));
    return read_group(found.get(), group, Contents::everything);
  });
}

Group read_results(const std::filesystem::path& path) {
  const QuietHdf quiet;
  return with_path("cannot read", path, [&] {
    const auto file = open_durable(path);
    return read_group(open_or_create_group(file.get(), "").get(), "", Contents::everything);
  });
}

}  // namespace flatsweep
