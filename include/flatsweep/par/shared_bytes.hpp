#pragma once

#include "flatsweep/par/communicator.hpp"
#include "flatsweep/par/node_memory.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace flatsweep {

/// Bytes held once per node and read by all its ranks; where ranks can share no memory, once per rank.
class SharedBytes {
 public:
  SharedBytes() = default;
  /// @param fill writes the bytes; called on one rank of each node (on every rank where none is shared)
  /// @note Collective over `comm`.  @throws whatever `fill` throws, agreed over the ranks
  SharedBytes(const Communicator& comm, std::size_t size, const std::function<void(std::span<std::byte>)>& fill,
              const NodeMemorySource& source = {});

  [[nodiscard]] std::span<const std::byte> get() const { return bytes_; }
  /// True when all ranks of a node read one copy.
  [[nodiscard]] bool shared() const { return memory_.available(); }
  /// Why each rank has a copy of its own, the same on every rank; "" where they share one.
  [[nodiscard]] const std::string& trouble() const { return trouble_; }

 private:
  NodeMemory memory_;
  std::shared_ptr<std::vector<std::byte>> own_;
  std::span<std::byte> bytes_;
  std::string trouble_;
};

}  // namespace flatsweep
