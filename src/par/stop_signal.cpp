#include "flatsweep/par/stop_signal.hpp"

#include <csignal>
#include <initializer_list>

namespace flatsweep {

namespace {
// The one piece of process-wide state: a signal handler can reach nothing else.
volatile std::sig_atomic_t received = 0;
void remember(int signal) { received = signal; }
}  // namespace

void catch_stop_signals() {
  received = 0;
  struct sigaction action = {};
  action.sa_handler = remember;
  action.sa_flags = SA_RESTART;
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1, SIGUSR2}) sigaction(signal, &action, nullptr);
  // A file beyond `ulimit -f` is a write that fails, with a message, not the end of the process.
  action.sa_handler = SIG_IGN;
  sigaction(SIGXFSZ, &action, nullptr);
}

int stop_signal() { return received; }

}  // namespace flatsweep
