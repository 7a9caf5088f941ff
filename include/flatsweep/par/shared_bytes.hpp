#pragma once

#include "flatsweep/par/communicator.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace flatsweep {

/// Bytes held once per node in an MPI-3 shared window and read by all its ranks; where such a window cannot be had
/// (no room in shared memory, a transport without windows), once per rank.
class SharedBytes {
 public:
  SharedBytes() = default;
  /// @param fill writes the bytes; called on one rank of each node (on every rank without a window)
  /// @note Collective over `comm`.  @throws whatever `fill` throws, agreed over the ranks
  SharedBytes(const Communicator& comm, std::size_t size, const std::function<void(std::span<std::byte>)>& fill);

  [[nodiscard]] std::span<const std::byte> get() const { return bytes_; }
  /// True when all ranks of a node read one copy.
  [[nodiscard]] bool shared() const { return window_ != nullptr; }

 private:
  std::shared_ptr<MPI_Win> window_;
  std::shared_ptr<std::vector<std::byte>> own_;
  std::span<std::byte> bytes_;
};

}  // namespace flatsweep
