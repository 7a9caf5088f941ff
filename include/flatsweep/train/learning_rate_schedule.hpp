#pragma once

#include "flatsweep/base/enum_words.hpp"

#include <cstdint>
#include <vector>

namespace flatsweep {

enum class Decay { constant, steps, cosine, linear };

template <>
inline constexpr auto enum_words<Decay> = make_enum_words<Decay>({
    {Decay::constant, "constant", "the learning rate stays"},
    {Decay::steps, "steps", "it is multiplied by step_factor after each of step_epochs"},
    {Decay::cosine, "cosine", "it falls along half a cosine to end_factor times itself"},
    {Decay::linear, "linear", "it falls along a straight line to end_factor times itself"},
});

/// Table [train.schedule]: the learning rate of each epoch, as a factor of the one that is set. It grows in equal steps
/// over the epochs of the warm-up, (e + 1)/(W + 1) in epoch e < W, and decays from then on.
struct ScheduleOptions {
  Decay decay = Decay::constant;
  std::int64_t warmup_epochs = 0;  ///< W
  std::int64_t decay_ends = 0;     ///< epochs done when cosine and linear decay end; 0: as the window opens
  double end_factor = 0.1;         ///< of cosine and linear, from decay_ends on
  std::vector<std::int64_t> step_epochs = {40, 60};  ///< of steps: epochs done
  double step_factor = 0.1;

  /// The factor in the epoch before which `epoch` epochs are done; 1 where there is no schedule.
  [[nodiscard]] double factor(std::int64_t epoch) const;
  /// Is it one and the same in all epochs from `first` to before `end`?
  [[nodiscard]] bool constant_in(std::int64_t first, std::int64_t end) const;
};

}  // namespace flatsweep
