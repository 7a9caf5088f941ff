#pragma once

#include "flatsweep/analysis/psi.hpp"
#include "flatsweep/study/grid.hpp"

namespace flatsweep {

/// Fit range (0-based) and crossover of one replica.
[[nodiscard]] inline PsiOptions psi_options(const Config& config, const Replica& replica,
                                            std::int64_t iterations_per_epoch) {
  const double beta = replica.optimizer == OptimizerKind::momentum ? config.train.optimizer.momentum : 0.0;
  return {static_cast<int>(config.flatness.fit_first) - 1, static_cast<int>(config.flatness.fit_last) - 1,
          crossover_curvature(replica.learning_rate, beta, iterations_per_epoch), replica.seed};
}

}  // namespace flatsweep
