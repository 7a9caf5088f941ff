#include "flatsweep/train/learning_rate_schedule.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace flatsweep {

namespace {

/// How far from the end of the warm-up to the end of the decay, from 0 to 1.
double progress(const ScheduleOptions& options, std::int64_t epoch) {
  if (epoch >= options.decay_ends) return 1.0;
  return 1.0 * (epoch - options.warmup_epochs) / (options.decay_ends - options.warmup_epochs);
}

}  // namespace

double ScheduleOptions::factor(std::int64_t epoch) const {
  if (epoch < warmup_epochs) return (epoch + 1.0) / (warmup_epochs + 1.0);
  switch (decay) {
    case Decay::constant:
      break;
    case Decay::steps:
      return std::pow(step_factor, std::ranges::count_if(step_epochs, [&](auto step) { return step <= epoch; }));
    case Decay::cosine:
      return end_factor + (1.0 - end_factor) * 0.5 * (1.0 + std::cos(std::numbers::pi * progress(*this, epoch)));
    case Decay::linear:
      return 1.0 - (1.0 - end_factor) * progress(*this, epoch);
  }
  return 1.0;
}

bool ScheduleOptions::constant_in(std::int64_t first, std::int64_t end) const {
  const double start = factor(first);
  for (auto epoch = first + 1; epoch < end; ++epoch)
    if (factor(epoch) != start) return false;
  return true;
}

}  // namespace flatsweep
