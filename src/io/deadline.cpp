#include "deadline.hpp"

#include "flatsweep/base/error.hpp"

#include <unistd.h>

#include <cstdio>

namespace flatsweep {

void leave_process(const std::string& message, const std::filesystem::path& file) {
  std::fprintf(stderr, "flatsweep: %s\n", message.c_str());
  std::fflush(stderr);
  unlink(file.c_str());
  _exit(exit_code(ErrorKind::io));
}

Deadline::Deadline(std::string message, std::filesystem::path file, std::chrono::seconds time)
    : watcher_([this, message = std::move(message), file = std::move(file), time] {
        std::unique_lock lock(mutex_);
        if (!met_changed_.wait_for(lock, time, [this] { return met_; })) leave_process(message, file);
      }) {}

Deadline::~Deadline() {
  {
    const std::scoped_lock lock(mutex_);
    met_ = true;
  }
  met_changed_.notify_one();
  watcher_.join();
}

}  // namespace flatsweep
