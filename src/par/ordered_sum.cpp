#include "flatsweep/par/ordered_sum.hpp"

#include "flatsweep/par/mpi_type.hpp"

#include <algorithm>
#include <vector>

namespace flatsweep {

namespace {

using Size = std::size_t;

// Doubles that are under way at once, of all parts: 128 MiB.
constexpr std::int64_t most_exchanged = std::int64_t{1} << 24;

void add_up(std::span<const double> parts, std::span<double> result) {
  std::copy_n(parts.begin(), result.size(), result.begin());
  for (Size at = result.size(); at < parts.size(); at += result.size())
    for (Size i = 0; i < result.size(); ++i) result[i] += parts[at + i];
}

/// Every rank sums its slice of the arrays, then all get all slices.
class Exchange {
 public:
  Exchange(const Communicator& comm, std::int64_t parts, std::int64_t length)
      : comm_(comm),
        size_(comm.size()),
        slices_(size_),
        offsets_(size_),
        sent_(size_),
        sent_at_(size_),
        received_(size_),
        received_at_(size_) {
    const auto mine = share(parts, comm.rank(), comm.size()).size();
    for (int rank = 0; rank < comm.size(); ++rank) {
      const Size r = rank;
      const auto slice = share(length, rank, comm.size());
      slices_[r] = slice.size();
      offsets_[r] = slice.begin;
      sent_[r] = mine * slice.size();
      sent_at_[r] = mine * slice.begin;
    }
    const auto own = slices_[comm.rank()];
    for (int rank = 0; rank < comm.size(); ++rank) {
      const auto held = share(parts, rank, comm.size());
      received_[rank] = held.size() * own;
      received_at_[rank] = held.begin * own;
    }
  }

  /// @param mine own arrays, `stride` apart, of which the piece from `first` on is summed
  void sum(std::span<const double> mine, Size stride, Size first, std::span<double> result) const {
    std::vector<double> outgoing(sent_at_.back() + sent_.back());
    auto to = outgoing.begin();
    for (Size r = 0; r < size_; ++r)
      for (Size part = 0; part * stride < mine.size(); ++part)
        to = std::copy_n(mine.begin() + (part * stride + first) + offsets_[r], slices_[r], to);
    std::vector<double> incoming(received_at_.back() + received_.back());
    check_mpi(MPI_Alltoallv(outgoing.data(), sent_.data(), sent_at_.data(), MpiType<double>::get(), incoming.data(),
                            received_.data(), received_at_.data(), MpiType<double>::get(), comm_.get()),
              "exchanging parts of a sum");
    std::vector<double> own(slices_[comm_.rank()]);
    if (!own.empty()) add_up(incoming, own);
    gather_parts<double>(comm_.get(), own.data(), result, slices_, offsets_, "gathering a sum");
  }

 private:
  const Communicator& comm_;
  Size size_;
  std::vector<int> slices_, offsets_, sent_, sent_at_, received_, received_at_;
};

}  // namespace

void sum_in_order(const Communicator& comm, std::int64_t parts, std::span<const double> mine,
                  std::span<double> result) {
  if (comm.size() == 1) return add_up(mine, result);
  const auto piece = static_cast<Size>(std::max<std::int64_t>(1, most_exchanged / parts));
  for (Size first = 0; first < result.size(); first += piece) {
    const auto length = std::min(piece, result.size() - first);
    const Exchange exchange(comm, parts, length);
    exchange.sum(mine, result.size(), first, result.subspan(first, length));
  }
}

}  // namespace flatsweep
