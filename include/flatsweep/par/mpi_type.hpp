#pragma once

#include "flatsweep/par/communicator.hpp"

#include <mpi.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace flatsweep {

/// MPI's name for T; a T without one does not compile. No other file names an MPI datatype.
template <class T>
struct MpiType;
template <>
struct MpiType<float> {
  [[nodiscard]] static MPI_Datatype get() { return MPI_FLOAT; }
};
template <>
struct MpiType<double> {
  [[nodiscard]] static MPI_Datatype get() { return MPI_DOUBLE; }
};
template <>
struct MpiType<int> {
  [[nodiscard]] static MPI_Datatype get() { return MPI_INT; }
};
template <>
struct MpiType<std::int64_t> {
  [[nodiscard]] static MPI_Datatype get() { return MPI_INT64_T; }
};
template <>
struct MpiType<char> {
  [[nodiscard]] static MPI_Datatype get() { return MPI_CHAR; }
};
template <>
struct MpiType<std::byte> {
  [[nodiscard]] static MPI_Datatype get() { return MPI_BYTE; }
};

/// Every rank's part put together on every rank. Collective.
/// @param counts, offsets  (ranks,) of every rank's part in `whole`
/// @param doing  completes "MPI failed while ..."
template <class T>
void gather_parts(MPI_Comm comm, const T* part, std::span<T> whole, const std::vector<int>& counts,
                  const std::vector<int>& offsets, const char* doing) {
  int rank = 0;
  check_mpi(MPI_Comm_rank(comm, &rank), doing);
  check_mpi(MPI_Allgatherv(part, counts[rank], MpiType<T>::get(), whole.data(), counts.data(), offsets.data(),
                           MpiType<T>::get(), comm),
            doing);
}

}  // namespace flatsweep
