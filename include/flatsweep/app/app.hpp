#pragma once

#include "flatsweep/app/command_line.hpp"
#include "flatsweep/par/communicator.hpp"

#include <functional>

namespace flatsweep {

/// Does what the command line asks for. Collective over `world`.
void run_app(const Communicator& world, const CommandLine& line);

/// Where what is printed is all that was wanted (--help, --version, --dry-run, --selftest), it must have arrived.
/// @note Collective.  @throws IoError, agreed
void require_printed(const Communicator& world);

/// The program's one catch: prints an agreed error once and returns the exit code that belongs to it on every rank. An
/// error that only this rank has ends the whole job at once, so that no rank is left waiting.
[[nodiscard]] int guarded(const Communicator& world, const std::function<void()>& work);

/// What needs no MPI and starts none: the action `status`.   @return the exit code
[[nodiscard]] int run_without_mpi(const CommandLine& line);

}  // namespace flatsweep
