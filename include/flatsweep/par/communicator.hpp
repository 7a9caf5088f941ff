#pragma once

#include <mpi.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace flatsweep {

/// Throws ParallelError when an MPI call failed; `doing` completes "MPI failed while ...".
void check_mpi(int code, const char* doing);

/// A value that stands for a group of ranks. Copies share the communicator, which is freed with the last copy.
/// All members but `rank`, `size` and `get` are collective. Errors: ParallelError.
class Communicator {
 public:
  [[nodiscard]] static Communicator world();
  /// The serial stand-in: this rank alone.
  [[nodiscard]] static Communicator self();
  /// The ranks of a communicator of the caller's. It is copied: no message of one meets the other's, and what the
  /// caller has set on it stays. Collective over `theirs`, any part of the world.
  [[nodiscard]] static Communicator copy_of(MPI_Comm theirs);

  [[nodiscard]] int rank() const { return rank_; }
  [[nodiscard]] int size() const { return size_; }
  [[nodiscard]] bool is_root() const { return rank_ == 0; }
  [[nodiscard]] MPI_Comm get() const { return *comm_; }

  /// Ranks with the same colour form one communicator, in order of their rank here.
  [[nodiscard]] Communicator split(int colour) const;
  /// The ranks that share this rank's memory.
  [[nodiscard]] Communicator split_by_node() const;

  void barrier() const;
  void broadcast(std::span<float> values, int root = 0) const;
  void broadcast(std::span<double> values, int root = 0) const;
  void broadcast(std::span<std::byte> bytes, int root = 0) const;
  void broadcast(std::string& text, int root = 0) const;
  [[nodiscard]] std::int64_t broadcast(std::int64_t value, int root = 0) const;

  /// In-place sums; the order of summation is MPI's, so results depend on the number of ranks at rounding level.
  void sum(std::span<double> values) const;
  /// The same of whole numbers: exact, so that results do not depend on the order; wraps around past 64 bits.
  void sum(std::span<std::int64_t> values) const;
  [[nodiscard]] std::int64_t sum(std::int64_t value) const;
  [[nodiscard]] std::int64_t max(std::int64_t value) const;
  [[nodiscard]] std::int64_t min(std::int64_t value) const;
  [[nodiscard]] double max(double value) const;
  /// Any rank's true makes every rank's true.
  [[nodiscard]] bool any(bool value) const { return max(std::int64_t{value}) != 0; }

  /// Every rank's values, one after another in rank order, on every rank. Lengths may differ.
  [[nodiscard]] std::vector<double> gather_all(std::span<const double> values) const;
  /// Every rank's text, in rank order, on every rank.
  [[nodiscard]] std::vector<std::string> gather_all(const std::string& text) const;

 private:
  explicit Communicator(std::shared_ptr<MPI_Comm> comm);
  static Communicator adopt(MPI_Comm comm);

  std::shared_ptr<MPI_Comm> comm_;
  int rank_ = 0;
  int size_ = 1;
};

/// A contiguous share of 0..count-1: `count` items dealt over `parts` as evenly as can be.
struct Range {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  [[nodiscard]] std::int64_t size() const { return end - begin; }
};
[[nodiscard]] Range share(std::int64_t count, int part, int parts);

}  // namespace flatsweep
