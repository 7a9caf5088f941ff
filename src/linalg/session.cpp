#include "flatsweep/linalg/session.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/linalg/blas_threads.hpp"
#include "flatsweep/linalg/petsc_error.hpp"

#include <slepcsys.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace flatsweep {

void check_petsc(int code, const char* doing) {
  if (code == 0) return;
  const char* text = nullptr;
  PetscErrorMessage(static_cast<PetscErrorCode>(code), &text, nullptr);
  const auto message = std::string("PETSc failed while ") + doing + ": " + (text ? text : "unknown error") + " (" +
                       std::to_string(code) + ")";
  // What no other numbers would mend is no failure of a solver.
  if (code == PETSC_ERR_MEM) throw ParallelError(message + "; " + out_of_memory_message);
  if (code == PETSC_ERR_MPI) throw ParallelError(message);
  throw SolverError(message);
}

// A .petscrc in the working directory must not change results, and signals are ours.
LinearAlgebraSession::LinearAlgebraSession(Communicator comm, const std::vector<std::string>& options)
    : comm_(std::move(comm)) {
  PetscBool is_up = PETSC_FALSE;
  check_petsc(PetscInitialized(&is_up), "asking whether it is up");
  if (!is_up) PETSC_COMM_WORLD = comm_.get();
  std::vector<std::string> texts = {"flatsweep", "-skip_petscrc", "-no_signal_handler"};
  texts.insert(texts.end(), options.begin(), options.end());
  std::vector<char*> pointers;
  for (auto& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  int argc = texts.size();
  char** argv = pointers.data();
  check_petsc(SlepcInitialize(&argc, &argv, nullptr, nullptr), "starting");
  check_petsc(PetscPushErrorHandler(PetscReturnErrorHandler, nullptr), "installing the error handler");
  use_one_blas_thread();  // after PETSc, which sets threads too
}

LinearAlgebraSession::~LinearAlgebraSession() {
  PetscPopErrorHandler();
  SlepcFinalize();
}

namespace {

/// Of these PETSc asks when it ends.
bool is_for_the_end(std::string_view name) {
  constexpr std::array names = {"skip_petscrc", "no_signal_handler", "options_left", "options_view",
                                "objects_dump", "malloc_dump",       "malloc_view"};
  return std::ranges::find(names, name) != names.end();
}

}  // namespace

std::vector<std::string> options_not_asked_for() {
  PetscInt count = 0;
  char **names = nullptr, **values = nullptr;
  check_petsc(PetscOptionsLeftGet(nullptr, &count, &names, &values), "listing options");
  std::vector<std::string> texts;
  for (PetscInt i = 0; i < count; ++i) {
    if (is_for_the_end(names[i])) continue;
    auto& text = texts.emplace_back(1, '-');
    text += names[i];
    if (values[i] != nullptr && *values[i] != '\0') text.append(1, ' ').append(values[i]);
  }
  check_petsc(PetscOptionsLeftRestore(nullptr, &count, &names, &values), "listing options");
  std::ranges::sort(texts);
  return texts;
}

std::string linear_algebra_versions() {
  const auto text = [](int major, int minor, int patch) {
    return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
  };
  return "PETSc " + text(PETSC_VERSION_MAJOR, PETSC_VERSION_MINOR, PETSC_VERSION_SUBMINOR) + ", SLEPc " +
         text(SLEPC_VERSION_MAJOR, SLEPC_VERSION_MINOR, SLEPC_VERSION_SUBMINOR);
}

}  // namespace flatsweep
