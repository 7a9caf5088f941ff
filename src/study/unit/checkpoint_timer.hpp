#pragma once

#include "flatsweep/study/grid/config.hpp"

#include <chrono>
#include <cstdint>

namespace flatsweep {

/// When training has to leave a checkpoint: after run.checkpoint_epochs epochs and after run.checkpoint_seconds.
class CheckpointTimer {
 public:
  explicit CheckpointTimer(const RunConfig& config)
      : most_epochs_(config.checkpoint_epochs), most_seconds_(config.checkpoint_seconds) {}

  void count_epoch() { ++epochs_; }
  [[nodiscard]] bool is_due() const {
    const std::chrono::duration<double> passed = Clock::now() - begin_;
    return epochs_ >= most_epochs_ || passed.count() >= most_seconds_;
  }
  /// A checkpoint was written.
  void restart() {
    epochs_ = 0;
    begin_ = Clock::now();
  }

 private:
  using Clock = std::chrono::steady_clock;
  std::int64_t most_epochs_;
  double most_seconds_;
  std::int64_t epochs_ = 0;  // since the last checkpoint
  Clock::time_point begin_ = Clock::now();
};

}  // namespace flatsweep
