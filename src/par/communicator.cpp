#include "flatsweep/par/communicator.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/par/mpi_type.hpp"

#include <algorithm>
#include <numeric>

namespace flatsweep {

void check_mpi(int code, const char* doing) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING] = "unknown error";
  int length = 0;
  MPI_Error_string(code, text, &length);
  throw ParallelError(std::string("MPI failed while ") + doing + ": " + text);
}

namespace {

// Large messages are cut so that counts stay within MPI's int.
constexpr std::size_t max_count = std::size_t{1} << 30;

template <class T>
void broadcast_pieces(std::span<T> values, int root, MPI_Comm comm) {
  for (std::size_t done = 0; done < values.size(); done += max_count) {
    const int piece = std::min(max_count, values.size() - done);
    check_mpi(MPI_Bcast(&values[done], piece, MpiType<T>::get(), root, comm), "broadcasting");
  }
}

template <class T>
void sum_pieces(std::span<T> values, MPI_Comm comm) {
  for (std::size_t done = 0; done < values.size(); done += max_count) {
    const int piece = std::min(max_count, values.size() - done);
    check_mpi(MPI_Allreduce(MPI_IN_PLACE, &values[done], piece, MpiType<T>::get(), MPI_SUM, comm),
              "summing over ranks");
  }
}

template <class T>
T reduce(T value, MPI_Op op, MPI_Comm comm) {
  check_mpi(MPI_Allreduce(MPI_IN_PLACE, &value, 1, MpiType<T>::get(), op, comm), "reducing a value");
  return value;
}

std::vector<int> gather_counts(int mine, int size, MPI_Comm comm) {
  std::vector<int> counts(size);
  check_mpi(MPI_Allgather(&mine, 1, MpiType<int>::get(), counts.data(), 1, MpiType<int>::get(), comm),
            "gathering lengths");
  return counts;
}

std::vector<int> offsets_of(const std::vector<int>& counts) {
  std::vector<int> offsets(counts.size(), 0);
  std::partial_sum(counts.begin(), counts.end() - 1, offsets.begin() + 1);
  return offsets;
}

}  // namespace

Communicator::Communicator(std::shared_ptr<MPI_Comm> comm) : comm_(std::move(comm)) {
  check_mpi(MPI_Comm_rank(*comm_, &rank_), "asking for the rank");
  check_mpi(MPI_Comm_size(*comm_, &size_), "asking for the number of ranks");
}

Communicator Communicator::adopt(MPI_Comm comm) {
  check_mpi(MPI_Comm_set_errhandler(comm, MPI_ERRORS_RETURN), "setting the error handler");
  return Communicator(std::shared_ptr<MPI_Comm>(new MPI_Comm(comm), [](MPI_Comm* owned) {
    int finalized = 0;
    MPI_Finalized(&finalized);
    if (!finalized) MPI_Comm_free(owned);
    delete owned;
  }));
}

Communicator Communicator::world() { return copy_of(MPI_COMM_WORLD); }
Communicator Communicator::self() { return copy_of(MPI_COMM_SELF); }

Communicator Communicator::copy_of(MPI_Comm theirs) {
  MPI_Comm copy = MPI_COMM_NULL;
  check_mpi(MPI_Comm_dup(theirs, &copy), "copying a communicator");
  return adopt(copy);
}

Communicator Communicator::split(int colour) const {
  MPI_Comm part = MPI_COMM_NULL;
  check_mpi(MPI_Comm_split(get(), colour, rank_, &part), "splitting a communicator");
  return adopt(part);
}

Communicator Communicator::split_by_node() const {
  MPI_Comm node = MPI_COMM_NULL;
  check_mpi(MPI_Comm_split_type(get(), MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &node), "finding the node's ranks");
  return adopt(node);
}

void Communicator::barrier() const { check_mpi(MPI_Barrier(get()), "waiting at a barrier"); }

void Communicator::broadcast(std::span<float> values, int root) const { broadcast_pieces(values, root, get()); }
void Communicator::broadcast(std::span<double> values, int root) const { broadcast_pieces(values, root, get()); }
void Communicator::broadcast(std::span<std::byte> bytes, int root) const { broadcast_pieces(bytes, root, get()); }

void Communicator::broadcast(std::string& text, int root) const {
  text.resize(broadcast(std::ssize(text), root));
  broadcast_pieces(std::span(text), root, get());
}

std::int64_t Communicator::broadcast(std::int64_t value, int root) const {
  check_mpi(MPI_Bcast(&value, 1, MpiType<std::int64_t>::get(), root, get()), "broadcasting a value");
  return value;
}

void Communicator::sum(std::span<double> values) const { sum_pieces(values, get()); }
void Communicator::sum(std::span<std::int64_t> values) const { sum_pieces(values, get()); }

std::int64_t Communicator::sum(std::int64_t value) const { return reduce(value, MPI_SUM, get()); }
std::int64_t Communicator::max(std::int64_t value) const { return reduce(value, MPI_MAX, get()); }
std::int64_t Communicator::min(std::int64_t value) const { return reduce(value, MPI_MIN, get()); }
double Communicator::max(double value) const { return reduce(value, MPI_MAX, get()); }

std::vector<double> Communicator::gather_all(std::span<const double> values) const {
  const auto counts = gather_counts(values.size(), size_, get());
  const auto offsets = offsets_of(counts);
  std::vector<double> all(offsets.back() + counts.back());
  gather_parts<double>(get(), values.data(), all, counts, offsets, "gathering values");
  return all;
}

std::vector<std::string> Communicator::gather_all(const std::string& text) const {
  const auto counts = gather_counts(text.size(), size_, get());
  const auto offsets = offsets_of(counts);
  std::string all(offsets.back() + counts.back(), '\0');
  gather_parts<char>(get(), text.data(), all, counts, offsets, "gathering texts");
  std::vector<std::string> texts;
  for (std::size_t r = 0; r < counts.size(); ++r) texts.push_back(all.substr(offsets[r], counts[r]));
  return texts;
}

Range share(std::int64_t count, int part, int parts) { return {count * part / parts, count * (part + 1) / parts}; }

}  // namespace flatsweep
