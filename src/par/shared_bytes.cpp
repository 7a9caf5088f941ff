#include "flatsweep/par/shared_bytes.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/par/agreement.hpp"

namespace flatsweep {

namespace {

struct Mapping {
  std::shared_ptr<MPI_Win> window;
  std::span<std::byte> bytes;
};

void free_window(MPI_Win* window) {
  int finalized = 0;
  MPI_Finalized(&finalized);
  if (!finalized) MPI_Win_free(window);
  delete window;
}

// An empty mapping where the window cannot be made.
Mapping map_on_node(const Communicator& node, std::size_t size) {
  MPI_Win raw = MPI_WIN_NULL;
  void* base = nullptr;
  const MPI_Aint mine = node.leads() ? static_cast<MPI_Aint>(size) : 0;
  if (MPI_Win_allocate_shared(mine, 1, MPI_INFO_NULL, node.get(), &base, &raw) != MPI_SUCCESS) return {};
  Mapping mapping{std::shared_ptr<MPI_Win>(new MPI_Win(raw), free_window), {}};
  MPI_Aint length = 0;
  int unit = 1;
  check_mpi(MPI_Win_shared_query(raw, 0, &length, &unit, &base), "asking for the shared window's address");
  mapping.bytes = {static_cast<std::byte*>(base), size};
  return mapping;
}

}  // namespace

SharedBytes::SharedBytes(const Communicator& comm, std::size_t size,
                         const std::function<void(std::span<std::byte>)>& fill) {
  const auto node = comm.split_by_node();
  auto mapping = map_on_node(node, size);
  // All or none, so that every rank takes the same path below.
  const bool shared = !comm.any(mapping.window == nullptr);
  if (shared) {
    window_ = mapping.window;
    bytes_ = mapping.bytes;
  } else {
    own_ = std::make_shared<std::vector<std::byte>>(size);
    bytes_ = *own_;
  }
  agree(comm, [&] {
    if (!shared || node.leads()) fill(bytes_);
  });
  if (shared) check_mpi(MPI_Win_fence(0, *window_), "publishing the shared window");
  comm.barrier();
}

}  // namespace flatsweep
