#pragma once

#include <Eigen/Core>

#include <span>

namespace flatsweep {

/// One measure for every direction, beside what it is for random directions, and its trend with the direction's number.
struct FilterMeasure {
  Eigen::VectorXd value;                 ///< (K,)
  double null = 0.0;                     ///< mean over random unit vectors
  double rank_correlation = 0.0;         ///< Spearman's, of the values with i; NaN where all are equal
  double moving_rank_correlation = 0.0;  ///< the same over the directions that move
};

/// How the principal directions of a layer look as matrices w_i(k, l), k the filter (unit), l the tap (input weight)
/// within it (SI S7, Fig S12).
struct Filters {
  FilterMeasure projection;  ///< p_i = (sum_kl w*(k, l) w_i(k, l))^2; null |w*|^2 / N
  FilterMeasure sparsity;    ///< Hoyer: (sqrt N - |x|_1/|x|_2) / (sqrt N - 1), 0 for equal entries, 1 for a single one
  /// 1 / (N sum x^4) of x = w_i / |w_i|: the fraction of all weights that takes part, from 1/N to 1. The nulls of this
  /// and the next two are reciprocals of the exact mean of the sum.
  FilterMeasure participation;
  FilterMeasure filters;       ///< 1 / sum_k e_k^2, e_k = sum_l x_kl^2: filters that take part, 1 to `outputs`
  FilterMeasure taps;          ///< the same over taps: 1 to `inputs_per_output`
  double solution_norm = 0.0;  ///< |w*|
  /// Leading directions that move (moving.hpp). The others are what weights that stand still (a dead unit)
  /// span: an arbitrary basis, sparse for want of motion.
  int moving = 0;
};

/// @param directions (N, K) columns w_i of any length but 0, row-major in (outputs, inputs_per_output)
/// @param moving leading directions that move, as Pca::moving   @param solution (N,) w*
/// @throws ConfigError when the sizes do not fit   @note Rank-local.
[[nodiscard]] Filters describe_filters(const Eigen::MatrixXd& directions, int moving, std::span<const float> solution,
                                       int outputs, int inputs_per_output);

/// Spearman's correlation of values with their positions 0, 1, 2, ...; equal values share the mean of their ranks. NaN
/// for fewer than three, which always are in perfect order.
[[nodiscard]] double rank_correlation(const Eigen::VectorXd& values);

}  // namespace flatsweep
