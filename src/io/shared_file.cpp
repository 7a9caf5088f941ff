#include "shared_file.hpp"

#include "crc.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/par/agreement.hpp"
#include "footer.hpp"
#include "hdf5_object.hpp"
#include "hdf5_reader.hpp"
#include "posix_file.hpp"

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

HdfObject open_dataset(hid_t file, const std::string& path) {
  return HdfObject(check_hdf(H5Oopen(file, path.c_str(), H5P_DEFAULT), "opening data set", path));
}

/// The rows of one large data set, from a part's file or its tree.
class RowSource {
 public:
  RowSource(const ResultPart& part, const std::string& path) {
    if (part.file.empty()) {
      const auto slash = path.rfind('/');
      const auto* group = slash == std::string::npos ? &part.tree : part.tree.find_group(path.substr(0, slash));
      if (!group) throw IoError("the tree of part '" + part.group + "' is not the same on all ranks");
      in_memory_ = &group->dataset(slash == std::string::npos ? path : path.substr(slash + 1));
      return;
    }
    check_footer(part.file, part.run);
    file_ = open_durable(part.file);
    dataset_ = open_dataset(file_.get(), path);
    skeleton_ = read_dataset(file_.get(), path, Contents::skeleton);
  }

  [[nodiscard]] const Dataset& shape() const { return in_memory_ ? *in_memory_ : skeleton_; }

  /// The bytes of these chunks; valid until the next call.
  std::span<const std::byte> rows(const ChunkLayout& layout, Range chunks) {
    const auto begin = layout.first_byte(chunks.begin);
    const auto size = layout.first_byte(chunks.end) - begin;
    if (in_memory_) return std::span(in_memory_->bytes).subspan(begin, size);
    buffer_.resize(size);
    if (chunks.size() > 0) read_chunks(dataset_.get(), skeleton_, layout, chunks, buffer_);
    return buffer_;
  }

 private:
  const Dataset* in_memory_ = nullptr;
  HdfFile file_;
  HdfObject dataset_;
  Dataset skeleton_;
  std::vector<std::byte> buffer_;
};

/// This rank's chunks of the window that starts at `first`.
Range my_chunks(const Communicator& comm, std::int64_t count, std::int64_t first, std::int64_t window) {
  const auto mine = share(std::min(window, count - first), comm.rank(), comm.size());
  return {first + mine.begin, first + mine.end};
}

}  // namespace

SharedFile::SharedFile(const Communicator& comm, std::filesystem::path path, std::filesystem::path partial)
    : comm_(comm), path_(std::move(path)), partial_(std::move(partial)), watchdog_(partial_) {
  together([&] {
    const auto access = collective_access(comm_);
    transfer_ = collective_transfer();
    file_ = HdfFile(check_hdf(H5Fopen(partial_.c_str(), H5F_ACC_RDWR, access.get()), "opening the file"));
  });
}

void SharedFile::together(const std::function<void()>& work) {
  watchdog_.set(patience, "writing " + path_.string() + " has not gone on for 10 minutes; check the file system");
  agree(comm_, [&] {
    try {
      with_path("cannot write", path_, work);
    } catch (const IoError& error) {
      watchdog_.set(patience_after_failure, error.what());
      throw;
    }
  });
  watchdog_.clear();
}

void SharedFile::write(const ResultPart& part, const std::string& dataset) {
  const auto path = part.group + "/" + dataset;
  std::unique_ptr<RowSource> source;
  HdfObject target;
  together([&] {
    const auto name = part.file.empty() ? "group /" + part.group : part.file.string();
    with_path("part", name, [&] { source = std::make_unique<RowSource>(part, dataset); });
  });
  together([&] { target = open_dataset(file_.get(), path); });
  const auto layout = chunk_layout(source->shape());
  const std::int64_t count = layout.count;
  const std::int64_t window = std::max<std::size_t>(1, window_bytes / layout.chunk_bytes());
  for (std::int64_t first = 0; first < count; first += window) {
    const auto mine = my_chunks(comm_, count, first, window);
    std::span<const std::byte> rows;
    together([&] { rows = source->rows(layout, mine); });
    together([&] { write_chunks(target.get(), source->shape(), layout, mine, rows, transfer_.get()); });
    if (mine.size() > 0) written_.push_back({path, mine, crc_of(rows)});
  }
  together([&] { close_or_leave(target, "closing a data set", partial_); });
}

void SharedFile::close() {
  together([&] { check_hdf(H5Fflush(file_.get(), H5F_SCOPE_GLOBAL), "flushing the file"); });
  together([&] { close_or_leave(file_, "closing the file", partial_); });
  together([&] { check_written(); });
}

void SharedFile::check_written() const {
  const auto file = open_durable(partial_);
  std::vector<std::byte> buffer;
  for (const auto& written : written_) {
    const auto dataset = open_dataset(file.get(), written.path);
    const auto skeleton = read_dataset(file.get(), written.path, Contents::skeleton);
    const auto layout = chunk_layout(skeleton);
    buffer.resize(layout.first_byte(written.chunks.end) - layout.first_byte(written.chunks.begin));
    read_chunks(dataset.get(), skeleton, layout, written.chunks, buffer);
    if (crc_of(buffer) != written.crc)
      throw IoError("data set '" + written.path + "' reads back otherwise than it was written; check the file system");
  }
}

void SharedFile::abandon(const std::string& reason) {
  watchdog_.set(patience_after_failure, reason);
  const bool stuck = H5Iis_valid(file_.get()) > 0 && H5Fclose(file_.get()) < 0;
  // HDF5 would try again when MPI ends, and crash or hang.
  if (comm_.any(stuck)) end_process(reason, partial_);
  watchdog_.clear();
}

}  // namespace flatsweep
