#pragma once

#include "flatsweep/study/grid/config.hpp"

#include <algorithm>
#include <cstdint>

namespace flatsweep {

/// Epochs done before training begins: those of the state that a fork goes on from.
[[nodiscard]] inline std::int64_t epochs_before(const Config& config) {
  return config.fork.given() ? config.fork.epoch : 0;
}

/// Epochs done when the window opens, at the latest: at once where a fork goes on from a state behind
/// window.opens_at_epoch.
[[nodiscard]] inline std::int64_t window_opening(const Config& config) {
  return std::max(config.window.epoch, epochs_before(config));
}

}  // namespace flatsweep
