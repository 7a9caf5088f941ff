#pragma once

namespace flatsweep {

/// From now on SIGTERM, SIGINT, SIGUSR1 and SIGUSR2 ask the program to stop instead of ending it, and SIGXFSZ (a file
/// beyond `ulimit -f`) only makes the write fail. Call after MPI and PETSc are up: both install handlers of their own.
void catch_stop_signals();

/// Number of the signal that asked this rank to stop, 0 while none did.
[[nodiscard]] int stop_signal();

}  // namespace flatsweep
