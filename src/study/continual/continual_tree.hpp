#pragma once

#include "flatsweep/io/tree.hpp"
#include "flatsweep/study/continual/continual.hpp"

#include <cstdint>
#include <vector>

namespace flatsweep {

/// What became of one point: a constraint path at one of its strengths.
struct PointCurves {
  double strength = 0.0;
  double lambda = 0.0;
  std::vector<std::vector<Evaluation>> test;  ///< of every task, before the second and after each epoch since
  std::vector<Evaluation> train;              ///< of every task, at the end
  double displacement = 0.0;                  ///< |w - w*| over the weights of the analysed layers, at the end
  bool diverged = false;                      ///< a loss was not finite; later rows of `test` are NaN
};

/// What columns are that both a replica and the summary have.
namespace point_sentence {
inline constexpr const char* method = "what further tasks are held to, a method of the configuration";
inline constexpr const char* trained = "layers that further tasks train";
inline constexpr const char* biases = "whether further tasks hold or train the biases of the layers that they train";
inline constexpr const char* held = "layers that the penalty acts on; none where there is no penalty";
inline constexpr const char* leading_mode = "whether the first principal direction is among the constraints";
inline constexpr const char* psi = "exponent by which ldc takes flatness from variance; NaN for other methods";
inline constexpr const char* constraint_count = "number N_c of constraints of each layer; 0 for none and l2";
inline constexpr const char* normalised_lambda = "10^psi lambda; NaN for methods other than ldc";
}  // namespace point_sentence

/// The points of one path. All curves have the same shape.
[[nodiscard]] Group points_tree(const std::vector<PointCurves>& points);
[[nodiscard]] std::vector<PointCurves> points_from_tree(const Group& tree);

/// Group continual/ of a replica, by the project's schema (docs/output.md).
/// @param points of every path
[[nodiscard]] Group continual_tree(const ContinualConfig& config, const std::vector<ConstraintPath>& paths,
                                   const std::vector<std::vector<PointCurves>>& points);

}  // namespace flatsweep
