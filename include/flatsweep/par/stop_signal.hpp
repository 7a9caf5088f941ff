#pragma once

#include <string>

namespace flatsweep {

/// From now on SIGTERM, SIGINT, SIGHUP, SIGXCPU, SIGUSR1 and SIGUSR2 ask the program to stop instead of ending it;
/// SIGXFSZ (a file beyond `ulimit -f`) and SIGPIPE (a reader that went away) only make the write fail. Call it first
/// thing in `main`. SIGHUP and SIGINT stay ignored where whoever started the program ignores them (nohup, a job in the
/// background). A second SIGINT ends the process at once: somebody is waiting at the keyboard.
void catch_stop_signals();

/// The same once more, for when MPI and PETSc are up, which install handlers of their own; a signal that came in
/// between is not forgotten.
void keep_stop_signals();

/// Signals end the process again, also one that has come already: for what leaves nothing to go on with.
void release_stop_signals();

/// Number of the signal that asked this rank to stop, 0 while none did.
[[nodiscard]] int stop_signal();

/// "SIGTERM"
[[nodiscard]] std::string signal_name(int signal);

}  // namespace flatsweep
