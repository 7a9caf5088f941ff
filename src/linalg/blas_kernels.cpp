#include "flatsweep/linalg/blas_kernels.hpp"

#include <dlfcn.h>

#include <cstdlib>

namespace flatsweep {

std::string blas_kernels() {
  using NameOfCore = char*();
  // Asked at run time: the system's BLAS may be another one than at the build.
  auto* name = reinterpret_cast<NameOfCore*>(dlsym(RTLD_DEFAULT, "openblas_get_corename"));
  std::string text = name != nullptr ? std::string("OpenBLAS ") + name() : "another BLAS";
  for (const char* variable : {"OPENBLAS_L2_SIZE", "OPENBLAS_BLOCK_FACTOR", "LIBXSMM_TARGET"})
    if (const char* value = std::getenv(variable)) text += std::string(" ") + variable + "=" + value;
  return text;
}

}  // namespace flatsweep
