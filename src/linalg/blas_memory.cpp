#include "flatsweep/linalg/blas_memory.hpp"

#include "lapack.hpp"

#include <sys/mman.h>

#include <cstddef>
#include <new>

namespace flatsweep {

namespace {

/// Whether there is room for the buffer, and a little more.
bool have_address_space() {
  constexpr std::size_t wanted = std::size_t{144} << 20;
  void* room = mmap(nullptr, wanted, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (room == MAP_FAILED) return false;
  munmap(room, wanted);
  return true;
}

}  // namespace

void reserve_blas_memory() {
  if (!have_address_space()) throw std::bad_alloc();
  constexpr int one = 1;
  constexpr double factor = 1.0;
  double square = 0.0;
  dsyrk_("L", "N", &one, &one, &factor, &factor, &one, &factor, &square, &one);
}

}  // namespace flatsweep
