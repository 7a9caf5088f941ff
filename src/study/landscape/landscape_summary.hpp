#pragma once

#include "flatsweep/io/tree.hpp"
#include "flatsweep/study/unit/unit_result.hpp"
#include "study/summary/study_summary.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace flatsweep {

/// One grid point and layer, seeds pooled.
struct GridPointSummary {
  Replica point;  ///< its first replica
  std::string layer;
  int replicas = 0;  ///< seeds done
  int unsolved = 0;  ///< seeds trained without a solution, and not analysed
  /// Of the seeds that are done; where there are none, of the unsolved ones.
  double train_error = 0.0, test_error = 0.0, test_error_std = 0.0;
  double train_loss = 0.0;
  /// What each analysis says of the seeds together; those of the whole network in the first layer's row alone.
  AnalysisResults pooled;
};

/// What an analysis pooled; where it did not, numbers that are not known.
template <class Pooled>
[[nodiscard]] const Pooled& pooled(const GridPointSummary& point) {
  static const Pooled none;
  const auto* found = point.pooled.find<Pooled>();
  return found == nullptr ? none : *found;
}

/// Means over seeds for every grid point and layer, in grid order. Units that are not done do not enter.
/// @param results one per unit, in the order of `units`
[[nodiscard]] std::vector<GridPointSummary> summarise(const Config& config, const std::vector<WorkUnit>& units,
                                                      const std::vector<UnitResult>& results,
                                                      std::int64_t training_samples);

/// The group psi/<layer> of /summary, and what the tables of analyses add to it.
[[nodiscard]] Group summary_tree(const Config& config, const std::vector<GridPointSummary>& points,
                                 const std::vector<WorkUnit>& units, const std::vector<UnitResult>& results);

/// The table that ends a run, one line per grid point and layer, with the columns and notes of the analyses.
[[nodiscard]] std::vector<std::string> summary_table(const Config& config, const std::vector<GridPointSummary>& points);

[[nodiscard]] StudySummary summarise_landscape(const Config& config, const std::vector<WorkUnit>& units,
                                               const std::vector<UnitResult>& results, std::int64_t training_samples);

}  // namespace flatsweep
