#include "flatsweep/app/runtime.hpp"

namespace flatsweep {

Runtime::Runtime(const std::vector<std::string>& petsc_options) {
  int provided = 0;
  check_mpi(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided), "starting MPI");
  linear_algebra_.emplace(petsc_options);
}

Runtime::~Runtime() {
  linear_algebra_.reset();
  MPI_Finalize();
}

}  // namespace flatsweep
