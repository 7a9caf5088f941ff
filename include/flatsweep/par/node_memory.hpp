#pragma once

#include "flatsweep/par/communicator.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>

namespace flatsweep {

/// Takes room for the first `bytes` of an open file now: memory that is short when a page is first touched would end
/// the process.   @return 0, or the errno
[[nodiscard]] int reserve_room(int file, std::int64_t bytes);

/// Where memory that the ranks of a node share is sought. Tests take other places than a run.
struct NodeMemorySource {
  /// A file in memory without a name, which the others open as /proc/PID/fd/N: the size of /dev/shm is no limit to it.
  bool nameless = true;
  /// Where that does not work (each rank in a container of its own): a file here, which loses its name once all ranks
  /// have opened it. Empty: nowhere.
  std::filesystem::path folder = "/dev/shm";
  std::function<int(int file, std::int64_t bytes)> reserve = reserve_room;
};

/// Bytes that all ranks of a node see, zeros at first. All ranks have them or none has: every step on the way is agreed
/// on, so that a rank that fails leaves no other waiting. (MPI_Win_allocate_shared does not promise that: Open MPI's
/// rank 0 returns for want of room while the others wait for it.)
class NodeMemory {
 public:
  NodeMemory() = default;
  /// @param node ranks of one node   @note Collective over `node`.
  NodeMemory(const Communicator& node, std::size_t size, const NodeMemorySource& source = {});

  [[nodiscard]] bool available() const { return mapping_ != nullptr; }
  [[nodiscard]] std::span<std::byte> bytes() const { return bytes_; }  ///< aligned to 64
  /// Why there are none, the same on every rank; "" where there are.
  [[nodiscard]] const std::string& trouble() const { return trouble_; }

 private:
  std::shared_ptr<std::byte> mapping_;  // unmapped with the last copy
  std::span<std::byte> bytes_;
  std::string trouble_;
};

}  // namespace flatsweep
