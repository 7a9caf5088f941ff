#include "unit_progress.hpp"

#include <algorithm>

namespace flatsweep {

UnitProgress::UnitProgress(const Cost& cost) {
  for (const auto& stage : cost.stages) {
    stages_.push_back({stage.name, whole_, stage.seconds});
    // Both give their fraction of the two together.
    if (stage.name == "training") stages_.push_back({"window", whole_, stage.seconds});
    whole_ += stage.seconds;
  }
}

double UnitProgress::at(std::string_view stage, double fraction) {
  const auto found = std::ranges::find_if(stages_, [&](const Stage& known) {
    return stage == known.name || (stage.starts_with(known.name) && stage[known.name.size()] == ' ');
  });
  if (found == stages_.end() || whole_ <= 0.0) return reached_;
  const double now = (found->begin + std::clamp(fraction, 0.0, 1.0) * found->share) / whole_;
  reached_ = std::max(reached_, std::min(now, 1.0));
  return reached_;
}

}  // namespace flatsweep
