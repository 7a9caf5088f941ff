#pragma once

#include "flatsweep/io/tree.hpp"
#include "flatsweep/study/summary/unit_result.hpp"

#include <string>
#include <vector>

namespace flatsweep {

/// One grid point and layer, seeds pooled.
struct GridPointSummary {
  Replica point;  ///< its first replica
  std::string layer;
  int replicas = 0;         ///< seeds done
  int still = 0;            ///< of these, seeds whose weights moved by rounding alone
  std::string walk_reason;  ///< why a seed has no gradient noise to walk; empty where all have
  double train_error = 0.0, test_error = 0.0, test_error_std = 0.0;
  double train_loss = 0.0;
  double solution_alignment = 0.0;
  double learning_dimension = 0.0;
  double learning_dimension_without_first = 0.0;
  // Means of the seeds' exponents with their intervals, see `over_seeds`; NaN what was not measured.
  PsiFit psi;
  DynamicsFit dynamics;
  NullExponents nulls;
};

/// Means over seeds for every grid point and layer, in grid order. Units that are not done do not enter.
/// @param results one per unit, in the order of `units`
[[nodiscard]] std::vector<GridPointSummary> summarise(const Config& config, const std::vector<WorkUnit>& units,
                                                      const std::vector<UnitResult>& results,
                                                      std::int64_t training_samples);

/// Groups psi/<layer>, dynamics/<layer>, nulls/<layer> and learning_dimension/<layer> of /summary.
[[nodiscard]] Group summary_tree(const Config& config, const std::vector<GridPointSummary>& points,
                                 const std::vector<WorkUnit>& units, const std::vector<UnitResult>& results);

/// The table that ends a run, one line per grid point and layer.
[[nodiscard]] std::vector<std::string> summary_table(const std::vector<GridPointSummary>& points);

}  // namespace flatsweep
