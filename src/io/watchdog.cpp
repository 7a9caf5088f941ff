#include "watchdog.hpp"

#include "flatsweep/base/error.hpp"

#include <unistd.h>

#include <cstdio>

namespace flatsweep {

void end_process(const std::string& message, const std::filesystem::path& file) {
  std::fprintf(stderr, "flatsweep: %s\n", message.c_str());
  std::fflush(stderr);
  unlink(file.c_str());
  _exit(exit_code(ErrorKind::io));
}

Watchdog::Watchdog(std::filesystem::path file) : file_(std::move(file)), watcher_([this] { watch(); }) {}

Watchdog::~Watchdog() {
  {
    const std::scoped_lock lock(mutex_);
    ended_ = true;
  }
  ended_changed_.notify_one();
  watcher_.join();
}

void Watchdog::set(std::chrono::seconds time, std::string message) {
  const std::scoped_lock lock(mutex_);
  left_ = time;
  message_ = std::move(message);
}

void Watchdog::clear() { set(std::chrono::seconds{0}, {}); }

void Watchdog::watch() {
  constexpr std::chrono::seconds tick{1};
  std::unique_lock lock(mutex_);
  while (!ended_changed_.wait_for(lock, tick, [this] { return ended_; })) {
    if (left_.count() == 0) continue;
    left_ -= tick;
    if (left_.count() == 0) end_process(message_, file_);
  }
}

}  // namespace flatsweep
