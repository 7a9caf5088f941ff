#pragma once

#include "flatsweep/par/communicator.hpp"
#include "flatsweep/par/node_memory.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>

namespace flatsweep {

/// A few integers, 0 at first, that all ranks add to. Destroy it collectively.
class SharedCounters {
 public:
  SharedCounters() = default;
  virtual ~SharedCounters() = default;
  SharedCounters(const SharedCounters&) = delete;
  SharedCounters& operator=(const SharedCounters&) = delete;

  /// @return the counter before `value` was added
  /// @throws ParallelError
  virtual std::int64_t fetch_and_add(int counter, std::int64_t value) = 0;
  /// Between two looks at what others did, so that a thousand ranks do not wait for one another.
  [[nodiscard]] virtual double seconds_between_looks() const = 0;
};

/// Reached without the help of another rank: in memory that all share where they stand on one node, by one-sided
/// communication with rank 0 on several.   @return nullptr on all ranks where it does not work on one
/// @note Collective.
[[nodiscard]] std::unique_ptr<SharedCounters> counters_in_window(const Communicator& world, int count,
                                                                 const NodeMemorySource& source = {});

/// In a file that all ranks reach and lock for every addition; removed at the end. @return nullptr on all ranks where
/// one cannot open or lock it
/// @note Collective.
[[nodiscard]] std::unique_ptr<SharedCounters> counters_in_file(const Communicator& world,
                                                               const std::filesystem::path& file, int count);

}  // namespace flatsweep
