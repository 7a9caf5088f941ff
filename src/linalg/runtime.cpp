#include "flatsweep/linalg/runtime.hpp"

#include "flatsweep/base/instructions.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

namespace flatsweep {

namespace {

// In every program with a Runtime: before main, and before initialisers of other files, which may use any instruction;
// 101 is the first that is free.
[[gnu::constructor(101)]] void refuse_older_processor() { refuse_processor_without(compiled_for, instructions_here()); }

// One of them is in the environment of every process that mpirun or srun started.
constexpr std::array launched_with = {"PMIX_RANK", "PMI_RANK", "SLURM_PROCID"};

// Open MPI gives a process that no launcher started a daemon, with which it could start others. Nothing here does, and
// the daemon takes half of a start's time. The folder that such a process would share with others of its kind goes,
// too, and with it what is kept there, shared file pointers.
void start_without_daemon() {
  if (std::ranges::any_of(launched_with, [](auto variable) { return std::getenv(variable) != nullptr; })) return;
  constexpr int keep_what_the_user_chose = 0;
  setenv("OMPI_MCA_ess_singleton_isolated", "1", keep_what_the_user_chose);
  setenv("OMPI_MCA_orte_create_session_dirs", "0", keep_what_the_user_chose);
  setenv("OMPI_MCA_sharedfp", "^sm", keep_what_the_user_chose);
}

}  // namespace

Runtime::Runtime(const std::vector<std::string>& petsc_options) {
  start_without_daemon();
  int provided = 0;
  check_mpi(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided), "starting MPI");
  linear_algebra_.emplace(Communicator::world(), petsc_options);
}

Runtime::~Runtime() {
  linear_algebra_.reset();
  MPI_Finalize();
}

}  // namespace flatsweep
