#include "study/unit/checkpoint_timer.hpp"

#include <gtest/gtest.h>

namespace flatsweep::checkpoint_timer_test {
namespace {

RunConfig every(std::int64_t epochs, double seconds) {
  RunConfig config;
  config.checkpoint_epochs = epochs;
  config.checkpoint_seconds = seconds;
  return config;
}

TEST(CheckpointTimer, IsDueAfterSoManyEpochs) {
  CheckpointTimer timer(every(3, 1e9));
  for (int round = 0; round < 2; ++round) {
    EXPECT_FALSE(timer.is_due());
    for (int epoch = 0; epoch < 2; ++epoch) timer.count_epoch();
    EXPECT_FALSE(timer.is_due());
    timer.count_epoch();
    EXPECT_TRUE(timer.is_due());
    timer.count_epoch();
    EXPECT_TRUE(timer.is_due()) << "until a checkpoint is written";
    timer.restart();
  }
}

TEST(CheckpointTimer, IsDueAfterSoManySeconds) {
  EXPECT_TRUE(CheckpointTimer(every(1000, 0.0)).is_due());
  EXPECT_FALSE(CheckpointTimer(every(1000, 1e9)).is_due());
}

}  // namespace
}  // namespace flatsweep::checkpoint_timer_test
