#include "flatsweep/linalg/runtime.hpp"

#include "flatsweep/base/instructions.hpp"

namespace flatsweep {

namespace {

// In every program with a Runtime: before main, and before initialisers of other files, which may use any instruction;
// 101 is the first that is free.
[[gnu::constructor(101)]] void refuse_older_processor() { refuse_processor_without(compiled_for, instructions_here()); }

}  // namespace

Runtime::Runtime(const std::vector<std::string>& petsc_options) {
  int provided = 0;
  check_mpi(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided), "starting MPI");
  linear_algebra_.emplace(Communicator::world(), petsc_options);
}

Runtime::~Runtime() {
  linear_algebra_.reset();
  MPI_Finalize();
}

}  // namespace flatsweep
