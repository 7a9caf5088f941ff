#include "assembly.hpp"

#include "axes.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/par/agreement.hpp"
#include "hdf5_layout.hpp"
#include "hdf5_object.hpp"
#include "posix_file.hpp"
#include "trailer.hpp"

#include <algorithm>

namespace flatsweep {

namespace {

/// All ranks together hold at most this much of a data set at a time. It must not depend on the number of ranks: HDF5
/// places chunks in the file in the order in which collective calls bring them.
constexpr std::size_t window_bytes = std::size_t{64} << 20;

// One step writes at most one window. After a failure the other ranks should follow soon, or never will.
constexpr std::chrono::minutes patience{10};
constexpr std::chrono::seconds patience_after_failure{30};

HdfList collective_access(const Communicator& comm) {
  auto list = file_access_list();
  check_hdf(H5Pset_fapl_mpio(list.get(), comm.get(), MPI_INFO_NULL), "choosing MPI-IO");
  check_hdf(H5Pset_coll_metadata_write(list.get(), true), "choosing collective metadata writes");
  return list;
}

HdfList collective_transfer() {
  HdfList list(check_hdf(H5Pcreate(H5P_DATASET_XFER), "creating a property list"));
  check_hdf(H5Pset_dxpl_mpio(list.get(), H5FD_MPIO_COLLECTIVE), "choosing collective transfers");
  // All chunks in one transfer, which comes last in H5Dwrite: no rank is left in a later step when one fails.
  check_hdf(H5Pset_dxpl_mpio_chunk_opt(list.get(), H5FD_MPIO_CHUNK_ONE_IO), "choosing one transfer");
  return list;
}

std::span<const std::byte> piece(const Dataset& dataset, const ChunkLayout& layout, Range chunks) {
  const auto begin = layout.first_element(static_cast<hsize_t>(chunks.begin)) * layout.element_size;
  const auto end = layout.first_element(static_cast<hsize_t>(chunks.end)) * layout.element_size;
  return std::span(dataset.bytes).subspan(begin, end - begin);
}

/// This rank's chunks of the window that starts at `first`.
Range my_chunks(const Communicator& comm, const ChunkLayout& layout, std::int64_t first, std::int64_t window) {
  const auto size = std::min(window, static_cast<std::int64_t>(layout.count) - first);
  const auto mine = share(size, comm.rank(), comm.size());
  return {first + mine.begin, first + mine.end};
}

std::vector<std::byte> read_piece(hid_t source, const Dataset& dataset, const ChunkLayout& layout, Range chunks) {
  if (chunks.size() == 0) return {};
  const auto elements = layout.first_element(static_cast<hsize_t>(chunks.end)) -
                        layout.first_element(static_cast<hsize_t>(chunks.begin));
  std::vector<std::byte> buffer(elements * layout.element_size);
  const HdfObject from(check_hdf(H5Oopen(source, dataset.name.c_str(), H5P_DEFAULT), "opening", dataset.name));
  read_chunks(from.get(), dataset, layout, chunks, buffer);
  return buffer;
}

}  // namespace

Assembly::Assembly(const Communicator& comm, const std::filesystem::path& path)
    : comm_(comm), path_(path), deadline_(PartialFile::path_of(path)) {
  together([&] {
    const auto partial = PartialFile::path_of(path_);
    const auto access = collective_access(comm_);
    transfer_ = collective_transfer();
    file_ = HdfFile(check_hdf(H5Fopen(partial.c_str(), H5F_ACC_RDWR, access.get()), "opening the file"));
  });
}

void Assembly::together(const std::function<void()>& work) {
  deadline_.set(patience, "writing " + path_.string() + " has not gone on for 10 minutes; check the file system");
  agree(comm_, [&] {
    try {
      with_path("cannot write", path_, work);
    } catch (const IoError& error) {
      deadline_.set(patience_after_failure, error.what());
      throw;
    }
  });
  deadline_.clear();
}

void Assembly::add(const ResultPart& part) {
  if (part.file.empty()) return add_group(part.group, part.tree, H5I_INVALID_HID);
  HdfFile file;
  HdfObject root;
  Group skeleton;
  agree(comm_, [&] {
    with_path("cannot read", part.file, [&] {
      check_trailer(part.file);
      file = open_durable(part.file);
      root = open_or_create_group(file.get(), "");
      skeleton = read_group(root.get(), "", Contents::skeleton);
    });
  });
  add_group(part.group, skeleton, root.get());
}

void Assembly::add_group(const std::string& path, const Group& contents, hid_t source) {
  std::vector<Dataset> scales;
  std::vector<const Dataset*> chosen;
  HdfObject group;
  std::vector<HdfObject> targets;
  together([&] {
    scales = missing_scales(contents);
    chosen = choose(path, contents, scales);
  });
  together([&] {
    group = open_or_create_group(file_.get(), path);
    write_attributes(group.get(), contents);
    for (const auto* dataset : chosen) targets.push_back(create_dataset(group.get(), *dataset));
    for (std::size_t i = 0; i < chosen.size(); ++i) attach_scales(group.get(), targets[i].get(), *chosen[i]);
  });
  for (std::size_t i = 0; i < chosen.size(); ++i) copy_rows(*chosen[i], source, targets[i].get());
  together([&] {
    for (auto& target : targets) close_checked(target, "closing a data set");
  });
  for (const auto& child : contents.groups) {
    const HdfObject below(source < 0 ? H5I_INVALID_HID : H5Oopen(source, child.name.c_str(), H5P_DEFAULT));
    add_group(path.empty() ? child.name : path + "/" + child.name, child, below.get());
  }
}

std::vector<const Dataset*> Assembly::choose(const std::string& path, const Group& contents,
                                             const std::vector<Dataset>& scales) {
  std::vector<const Dataset*> chosen;
  for (const auto* datasets : {&contents.datasets, &scales})
    for (const auto& dataset : *datasets) {
      const auto name = path + "/" + dataset.name;
      const auto shape = dataset.is_scale() ? dataset.shape : std::vector<std::uint64_t>{};
      const auto [there, fresh] = scales_.emplace(name, shape);
      if (fresh)
        chosen.push_back(&dataset);
      else if (!is_index_scale(dataset) || there->second != shape)
        throw IoError("two parts hold the data set '" + name + "'");
    }
  return chosen;
}

void Assembly::copy_rows(const Dataset& dataset, hid_t source, hid_t target) {
  if (dataset.count() == 0) return;
  const auto layout = chunk_layout(dataset);
  const auto window = static_cast<std::int64_t>(std::max<std::size_t>(1, window_bytes / layout.chunk_bytes()));
  const bool in_memory = !dataset.bytes.empty();
  for (std::int64_t first = 0; first < static_cast<std::int64_t>(layout.count); first += window) {
    const auto mine = my_chunks(comm_, layout, first, window);
    std::vector<std::byte> buffer;
    if (!in_memory) together([&] { buffer = read_piece(source, dataset, layout, mine); });
    const auto rows = in_memory ? piece(dataset, layout, mine) : std::span<const std::byte>(buffer);
    together([&] { write_chunks(target, dataset, layout, mine, rows, transfer_.get()); });
  }
}

void Assembly::close() {
  together([&] { check_hdf(H5Fflush(file_.get(), H5F_SCOPE_GLOBAL), "flushing the file"); });
  together([&] { close_checked(file_, "closing the file"); });
}

void Assembly::abandon(const std::string& reason) {
  deadline_.set(patience_after_failure, reason);
  const bool stuck = H5Iis_valid(file_.get()) > 0 && H5Fclose(file_.get()) < 0;
  // HDF5 would try again when MPI ends, and crash or hang.
  if (comm_.any(stuck)) leave_process(reason, PartialFile::path_of(path_));
  deadline_.clear();
}

}  // namespace flatsweep
