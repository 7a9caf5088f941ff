#include "flatsweep/par/stop_signal.hpp"

#include <gtest/gtest.h>

#include <csignal>

namespace flatsweep::stop_signal_test {
namespace {

constexpr int stopping[] = {SIGTERM, SIGINT, SIGHUP, SIGXCPU, SIGUSR1, SIGUSR2};

TEST(StopSignal, IsRememberedInsteadOfEndingTheProgram) {
  for (const int signal : stopping) {
    catch_stop_signals();
    EXPECT_EQ(stop_signal(), 0);
    std::raise(signal);
    EXPECT_EQ(stop_signal(), signal);
    std::signal(signal, SIG_DFL);
  }
}

// MPI and PETSc install handlers of their own while they start.
TEST(StopSignal, IsNotForgottenWhenHandlersAreSetAgain) {
  for (const int signal : stopping) {
    catch_stop_signals();
    std::raise(signal);
    std::signal(signal, SIG_DFL);
    keep_stop_signals();
    EXPECT_EQ(stop_signal(), signal);
    if (signal != SIGINT) std::raise(signal);
    EXPECT_EQ(stop_signal(), signal);
  }
}

TEST(StopSignal, StaysIgnoredWhereItWasBefore) {
  for (const int signal : {SIGHUP, SIGINT}) {
    std::signal(signal, SIG_IGN);
    catch_stop_signals();
    std::raise(signal);
    EXPECT_EQ(stop_signal(), 0) << signal_name(signal);
    std::signal(signal, SIG_DFL);
  }
}

TEST(StopSignalDeathTest, EndsTheProgramWhenTheKeyboardAsksTwice) {
  const auto ask_twice = [] {
    catch_stop_signals();
    std::raise(SIGINT);
    std::raise(SIGINT);
  };
  EXPECT_EXIT(ask_twice(), testing::KilledBySignal(SIGINT), "");
}

TEST(StopSignalDeathTest, EndsTheProgramOnceReleased) {
  const auto release = [](bool before) {
    catch_stop_signals();
    if (before) std::raise(SIGTERM);
    release_stop_signals();
    std::raise(SIGTERM);
  };
  EXPECT_EXIT(release(true), testing::KilledBySignal(SIGTERM), "");
  EXPECT_EXIT(release(false), testing::KilledBySignal(SIGTERM), "");
}

TEST(StopSignal, HasAName) {
  EXPECT_EQ(signal_name(SIGXCPU), "SIGXCPU");
  EXPECT_EQ(signal_name(4000), "signal 4000");
}

}  // namespace
}  // namespace flatsweep::stop_signal_test
