#pragma once

#include "flatsweep/study/unit/study_kind.hpp"
#include "study/summary/study_summary.hpp"

namespace flatsweep {

/// Trains replicas by SGD, or by full-batch gradient descent with or without injected noise, the gradient shared by the
/// team. Leaves their curves and, where noise was injected, the spectra it was drawn from.
[[nodiscard]] StudyKind noise_study();

[[nodiscard]] Cost estimate_noise(const Config& config, const Replica& replica, const DatasetShape& data, double rate);

[[nodiscard]] StudySummary summarise_noise(const Config& config, const std::vector<WorkUnit>& units,
                                           const std::vector<UnitResult>& results, std::int64_t training_samples);

}  // namespace flatsweep
