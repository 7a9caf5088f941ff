#pragma once

#include "flatsweep/analysis/pca.hpp"
#include "flatsweep/io/tree.hpp"
#include "layer_analysis.hpp"

#include <cstdint>

namespace flatsweep {

/// PCA of the window, which all other analyses of a layer rest on. In a unit it gives the Pca, all directions included.
[[nodiscard]] LayerAnalysis pca_analysis();

/// What is read back of it.
struct PcaResult {
  std::int64_t weights = 0;     ///< N
  std::int64_t iterations = 0;  ///< T
  std::int64_t moving = -1;     ///< directions that move by more than rounding; -1: not known
  double solution_alignment = 0.0;
  std::int64_t learning_dimension = 0;  ///< 0, like the next, where nothing moves
  std::int64_t learning_dimension_without_first = 0;
  int drifting = 0;  ///< modes 2 to 10 with a cosine content above 0.5
};

/// The same over seeds.
struct PcaSummary {
  int still = 0;  ///< seeds whose weights moved by rounding alone
  double solution_alignment = 0.0;
  double learning_dimension = 0.0;
  double learning_dimension_without_first = 0.0;
};

/// Contents of its group, with the first `kept` directions (0: all).
[[nodiscard]] Group pca_tree(const Pca& pca, std::int64_t kept);

[[nodiscard]] double pca_flops(double iterations, double size);
/// @param kept directions that results.h5 keeps, 0 for all
[[nodiscard]] double pca_bytes(double iterations, double size, double kept);
/// Directions that are computed of so many modes.
[[nodiscard]] double computed_directions(const PcaConfig& config, double modes);

}  // namespace flatsweep
