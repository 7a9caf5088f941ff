#include "machine.hpp"

#include "flatsweep/base/version.hpp"
#include "flatsweep/linalg/session.hpp"
#include "flatsweep/nn/matrix_product.hpp"

#include <fmt/format.h>

namespace flatsweep {

std::string machine() {
  return fmt::format("{}; {}; {}; {}; {} build", processor(), compiler(), linear_algebra_versions(), matrix_kernels(),
                     build_type());
}

std::string build_and_machine() { return fmt::format("flatsweep {} ({}) on {}", version(), git_commit(), machine()); }

}  // namespace flatsweep
