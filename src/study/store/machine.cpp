#include "machine.hpp"

#include "flatsweep/base/version.hpp"
#include "flatsweep/linalg/blas_kernels.hpp"
#include "flatsweep/linalg/session.hpp"
#include "flatsweep/nn/matrix_product.hpp"
#include "flatsweep/nn/vector.hpp"

#include <fmt/format.h>

namespace flatsweep {

std::string machine() {
  return fmt::format("{}; {}; {}; {}; {}; vectors of {}; {} build", processor(), compiler(), linear_algebra_versions(),
                     blas_kernels(), matrix_kernels(), vector_lanes, build_type());
}

std::string build_and_machine() { return fmt::format("flatsweep {} ({}) on {}", version(), git_commit(), machine()); }

}  // namespace flatsweep
