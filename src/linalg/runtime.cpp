#include "flatsweep/linalg/runtime.hpp"

#include "flatsweep/base/instructions.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

namespace flatsweep {

namespace {

// In every program with a Runtime: before main, and before initialisers of other files, which may use any instruction;
// 101 is the first that is free.
[[gnu::constructor(101)]] void refuse_older_processor() { refuse_processor_without(compiled_for, instructions_here()); }

// One of them is in the environment of every process that mpirun or srun started.
constexpr std::array launched_with = {"PMIX_RANK", "PMI_RANK", "SLURM_PROCID"};

// What a process without a launcher needs nothing of, and what takes three quarters of its start: Open MPI's daemon,
// with which it could start others; the folder that it would share with others of its kind, and what is kept there
// (shared file pointers); the drivers of networks, which measure the clock as they are loaded.
constexpr std::array<std::pair<const char*, const char*>, 4> alone = {{
    {"OMPI_MCA_ess_singleton_isolated", "1"},
    {"OMPI_MCA_orte_create_session_dirs", "0"},
    {"OMPI_MCA_sharedfp", "^sm"},
    {"OMPI_MCA_pml", "ob1"},
}};

void start_light_if_alone() {
  if (std::ranges::any_of(launched_with, [](auto variable) { return std::getenv(variable) != nullptr; })) return;
  constexpr int keep_what_the_user_chose = 0;
  for (const auto& [variable, value] : alone) setenv(variable, value, keep_what_the_user_chose);
}

}  // namespace

Runtime::Runtime(const std::vector<std::string>& petsc_options) {
  start_light_if_alone();
  int provided = 0;
  check_mpi(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided), "starting MPI");
  linear_algebra_.emplace(Communicator::world(), petsc_options);
}

Runtime::~Runtime() {
  linear_algebra_.reset();
  MPI_Finalize();
}

}  // namespace flatsweep
