#include "flatsweep/par/stop_signal.hpp"

#include <gtest/gtest.h>

#include <csignal>

namespace flatsweep {
namespace {

TEST(StopSignal, IsRememberedInsteadOfEndingTheProgram) {
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1, SIGUSR2}) {
    catch_stop_signals();
    EXPECT_EQ(stop_signal(), 0);
    std::raise(signal);
    EXPECT_EQ(stop_signal(), signal);
    std::signal(signal, SIG_DFL);
  }
}

}  // namespace
}  // namespace flatsweep
