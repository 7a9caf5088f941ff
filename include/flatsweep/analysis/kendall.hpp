#pragma once

#include "flatsweep/base/numbers.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace flatsweep {

/// Kendall's tau-b of the pairs both of whose numbers are finite: (concordant - discordant)/sqrt((n_0 - n_x)(n_0 -
/// n_y)), n_0 = n (n - 1)/2, n_x and n_y the pairs of pairs that tie in x or y. In O(n log n) (Knight, J. Am. Stat.
/// Assoc. 61, 436, 1966). NaN with fewer than two pairs, or where one side is the same throughout.
/// @param groups none, or a number for each pair: only pairs of one group are compared, and each count is the sum over
/// groups
/// @throws ConfigError when x, y and groups differ in length
[[nodiscard]] double kendall_tau(std::span<const double> x, std::span<const double> y,
                                 std::span<const int> groups = {});

/// How two quantities of the points of a grid go together.
struct TauOverSeeds {
  double tau = nan;                        ///< mean over the seeds of each seed's tau over points
  double low = nan, high = nan;            ///< 95 % t-interval of that mean; NaN below three seeds
  double null_low = nan, null_high = nan;  ///< 2.5 and 97.5 % of the same mean when points are shuffled
  double p_value = nan;                    ///< share of shuffles, the data among them, with a |tau| no smaller
  int seeds = 0;                           ///< that have a tau
  int replicas = 0;                        ///< pairs of all seeds
};

/// One entry for each seed, in it one for each point, NaN where there is none. Each shuffle permutes the points of y,
/// for all seeds alike: seeds of one point are no independent points.
/// @param x, y (seeds, points)   @param random_seed of the shuffles
/// @param groups none, or (points,): only points of one group are compared, and shuffled among themselves
[[nodiscard]] TauOverSeeds tau_over_seeds(std::span<const std::vector<double>> x,
                                          std::span<const std::vector<double>> y, std::int64_t random_seed,
                                          std::span<const int> groups = {});

}  // namespace flatsweep
