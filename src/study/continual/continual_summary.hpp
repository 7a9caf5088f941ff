#pragma once

#include "study/summary/study_summary.hpp"

namespace flatsweep {

[[nodiscard]] StudySummary summarise_continual(const Config& config, const std::vector<WorkUnit>& units,
                                               const std::vector<UnitResult>& results, std::int64_t training_samples);

}  // namespace flatsweep
