#include "flatsweep/par/stop_signal.hpp"

#include <array>
#include <csignal>
#include <cstring>
#include <initializer_list>

namespace flatsweep {

namespace {

constexpr std::array<int, 6> stop_signals = {SIGTERM, SIGINT, SIGHUP, SIGXCPU, SIGUSR1, SIGUSR2};

// The one piece of process-wide state: a signal handler can reach nothing else.
volatile std::sig_atomic_t received = 0;

void remember(int signal) {
  if (signal == SIGINT && received == SIGINT) {
    std::signal(SIGINT, SIG_DFL);
    std::raise(SIGINT);
  }
  received = signal;
}

void set_handler(int signal, void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigaction(signal, &action, nullptr);
}

bool is_ignored(int signal) {
  struct sigaction action = {};
  return sigaction(signal, nullptr, &action) == 0 && (action.sa_flags & SA_SIGINFO) == 0 &&
         action.sa_handler == SIG_IGN;
}

bool may_stay_ignored(int signal) { return signal == SIGHUP || signal == SIGINT; }

}  // namespace

void catch_stop_signals() {
  received = 0;
  keep_stop_signals();
}

void keep_stop_signals() {
  for (const int signal : stop_signals)
    if (!(may_stay_ignored(signal) && is_ignored(signal))) set_handler(signal, remember);
  for (const int signal : {SIGXFSZ, SIGPIPE}) set_handler(signal, SIG_IGN);
}

void release_stop_signals() {
  for (const int signal : stop_signals)
    if (!is_ignored(signal)) set_handler(signal, SIG_DFL);
  if (received != 0) std::raise(received);
}

int stop_signal() { return received; }

std::string signal_name(int signal) {
  const char* name = sigabbrev_np(signal);
  return name == nullptr ? "signal " + std::to_string(signal) : std::string("SIG") + name;
}

}  // namespace flatsweep
