#include "flatsweep/linalg/blas_threads.hpp"

#include <dlfcn.h>

#include <cstdint>

// Weak: each is there where its library is linked. BLIS counts in 64 bits.
extern "C" {
[[gnu::weak]] void openblas_set_num_threads(int count);
[[gnu::weak]] int openblas_get_num_threads();
[[gnu::weak]] void MKL_Set_Num_Threads(int count);
[[gnu::weak]] int MKL_Get_Max_Threads();
[[gnu::weak]] void bli_thread_set_num_threads(std::int64_t count);
[[gnu::weak]] std::int64_t bli_thread_get_num_threads();
[[gnu::weak]] void flexiblas_set_num_threads(int count);
[[gnu::weak]] int flexiblas_get_num_threads();
}

namespace flatsweep {

namespace {

/// The function of this name: the one linked, or that of a library that another one brought.
template <class Function>
Function* find(const char* name, Function* linked) {
  return linked != nullptr ? linked : reinterpret_cast<Function*>(dlsym(RTLD_DEFAULT, name));
}

template <class Set, class Get>
void hold(const char* library, Set* set, Get* get, std::vector<BlasLibrary>& held) {
  if (set == nullptr || get == nullptr) return;
  set(1);
  held.push_back({library, static_cast<int>(get())});
}

}  // namespace

std::vector<BlasLibrary> use_one_blas_thread() {
  std::vector<BlasLibrary> held;
  hold("OpenBLAS", find("openblas_set_num_threads", openblas_set_num_threads),
       find("openblas_get_num_threads", openblas_get_num_threads), held);
  hold("MKL", find("MKL_Set_Num_Threads", MKL_Set_Num_Threads), find("MKL_Get_Max_Threads", MKL_Get_Max_Threads), held);
  hold("BLIS", find("bli_thread_set_num_threads", bli_thread_set_num_threads),
       find("bli_thread_get_num_threads", bli_thread_get_num_threads), held);
  hold("FlexiBLAS", find("flexiblas_set_num_threads", flexiblas_set_num_threads),
       find("flexiblas_get_num_threads", flexiblas_get_num_threads), held);
  return held;
}

}  // namespace flatsweep
