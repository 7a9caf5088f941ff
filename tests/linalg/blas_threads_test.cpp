#include "flatsweep/linalg/blas_threads.hpp"

#include <dlfcn.h>
#include <gtest/gtest.h>

namespace flatsweep::blas_threads_test {
namespace {

/// What OpenBLAS, the library of tools/packages.txt, says of itself; nullptr where BLAS is another one.
auto* openblas_threads() { return reinterpret_cast<int (*)()>(dlsym(RTLD_DEFAULT, "openblas_get_num_threads")); }
auto* set_openblas_threads() {
  return reinterpret_cast<void (*)(int)>(dlsym(RTLD_DEFAULT, "openblas_set_num_threads"));
}

// The tests run without OMP_NUM_THREADS, where OpenBLAS takes every core it may use.
TEST(BlasThreads, AreOneFromTheStart) {
  if (openblas_threads() == nullptr) return;
  EXPECT_EQ(openblas_threads()(), 1);
}

TEST(BlasThreads, AreOneAgainWhateverWasSet) {
  if (set_openblas_threads() != nullptr) set_openblas_threads()(4);
  const auto held = use_one_blas_thread();
  for (const auto& library : held) EXPECT_EQ(library.threads, 1) << library.name;
  if (openblas_threads() == nullptr) return;
  ASSERT_EQ(held.size(), 1U);
  EXPECT_EQ(held.front().name, "OpenBLAS");
  EXPECT_EQ(openblas_threads()(), 1);
}

}  // namespace
}  // namespace flatsweep::blas_threads_test
