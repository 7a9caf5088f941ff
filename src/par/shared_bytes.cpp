#include "flatsweep/par/shared_bytes.hpp"

#include "flatsweep/par/agreement.hpp"

#include <algorithm>
#include <atomic>

namespace flatsweep {

namespace {

/// Of the first rank that has any.
std::string first_trouble(const Communicator& comm, const std::string& mine) {
  const auto all = comm.gather_all(mine);
  const auto found = std::ranges::find_if(all, [](const auto& text) { return !text.empty(); });
  return found == all.end() ? "" : *found;
}

}  // namespace

SharedBytes::SharedBytes(const Communicator& comm, std::size_t size,
                         const std::function<void(std::span<std::byte>)>& fill, const NodeMemorySource& source) {
  const auto node = comm.split_by_node();
  memory_ = NodeMemory(node, size, source);
  bytes_ = memory_.bytes();
  // All or none, so that every rank takes the same path below.
  const bool own = comm.any(!memory_.available());
  if (own) {
    trouble_ = first_trouble(comm, memory_.trouble());
    memory_ = {};
  }
  agree(comm, [&] {
    if (own) {
      own_ = std::make_shared<std::vector<std::byte>>(size);
      bytes_ = *own_;
    }
    if (own || node.is_root()) fill(bytes_);
  });
  // What one rank wrote is seen by the others behind the agreement above.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  comm.barrier();
}

}  // namespace flatsweep
