#pragma once

#include "flatsweep/analysis/flatness.hpp"
#include "flatsweep/analysis/psi.hpp"
#include "flatsweep/study/unit/analysis_results.hpp"
#include "study/cost/network_flops.hpp"

#include <cstdint>
#include <vector>

namespace flatsweep {

class LayerRun;

/// What is read back of the flatness along the principal directions.
struct FlatnessResult {
  std::vector<DirectionFlatness> directions;  ///< without profiles
  VarianceFlatness relation;
  Exponent psi, psi_below, psi_above;  ///< of this replica alone
  PsiOptions fit;                      ///< its fit range
};

/// The directions whose flatness is known; none where it was not measured or failed.
[[nodiscard]] const std::vector<DirectionFlatness>& known_flatness(const AnalysisResults& results);

/// Of the directions whose flatness is known those nearest to the ones that are asked for, ascending, each once.
[[nodiscard]] std::vector<DirectionFlatness> flatness_beside(const LayerRun& run, std::int64_t count,
                                                             DirectionChoice choice);

/// Of the loss along so many directions of a layer, scanned for its crossings.
[[nodiscard]] double flatness_flops(const Network& network, const Layer& layer, double samples, double directions);

}  // namespace flatsweep
