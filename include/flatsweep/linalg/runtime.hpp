#pragma once

#include "flatsweep/linalg/session.hpp"
#include "flatsweep/par/communicator.hpp"

#include <optional>
#include <string>
#include <vector>

namespace flatsweep {

/// MPI, PETSc and SLEPc up, in this order, for the lifetime of this value; down last.
class Runtime {
 public:
  /// @param petsc_options PETSc's own options
  explicit Runtime(const std::vector<std::string>& petsc_options);
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

 private:
  std::optional<LinearAlgebraSession> linear_algebra_;
};

}  // namespace flatsweep
