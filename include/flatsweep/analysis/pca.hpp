#pragma once

#include "flatsweep/analysis/snapshots.hpp"
#include "flatsweep/base/enum_words.hpp"
#include "flatsweep/linalg/symmetric_eigen.hpp"
#include "flatsweep/par/communicator.hpp"

#include <Eigen/Core>

#include <cstdint>
#include <span>

namespace flatsweep {

/// How much of the spectrum is computed.
enum class Spectrum { all, leading };

template <>
inline constexpr auto enum_words<Spectrum> = make_enum_words<Spectrum>({
    {Spectrum::all, "all", "all modes"},
    {Spectrum::leading, "leading",
     "the modes that hold 99.9 % of the variance, of all of it and of what mode 1 leaves; the trace is exact"},
});

struct PcaOptions {
  Spectrum spectrum = Spectrum::all;
  std::int64_t directions = 0;       ///< how many directions are wanted; 0 for all that are computed
  std::int64_t direct_modes = 3000;  ///< up to so many modes all are computed in any case: it takes no longer
};

/// Orthonormal directions in one layer's weights, and what the window did along them.
struct DirectionSet {
  std::int64_t iterations = 0;  ///< T, snapshots
  Eigen::VectorXd mean;         ///< (N,) <w>
  Eigen::VectorXd variance;     ///< of w along the directions, never negative; empty: not known yet
  Eigen::MatrixXd directions;   ///< (N, K) orthonormal columns
  double rounding = 0.0;        ///< variances that are not above it are rounding (moving.hpp)
};

/// Principal component analysis of one layer's weights over the window (the paper, Fig. 1; SI S16). `directions` are
/// the p_i; `variance` is sigma_i^2, (N,) descending, with exact zeros past the rank when T < N, and NaN where it was
/// not computed.
struct Pca : DirectionSet {
  double total_variance = 0.0;     ///< trace of the covariance
  int moving = 0;                  ///< leading directions with a variance above `rounding`
  RowMatrixF projection;           ///< (min(10, K), T) theta_k(t) = (w(t) - <w>).p_k of the first modes
  Eigen::VectorXd cosine_content;  ///< (10,) c_k of the first modes, 0 where there is no such mode, NaN if it does not
                                   ///< move
  int learning_dimension = 0;      ///< modes that hold 99.9 % of the variance; 0 where none moves
  int learning_dimension_without_first = 0;  ///< the same without mode 1, counted from mode 2; 0 where only that moves
  int learning_dimension_null = 0;           ///< that of a random walk of T steps
  double solution_alignment = 0.0;  ///< |p_1 . w_0| / |w_0|, w_0 the last snapshot; NaN where p_1 does not move
};

constexpr int projected_modes = 10;

/// The N x N covariance where N <= T, else the T x T Gram matrix; in double precision. Signs are chosen so that the
/// weights' net displacement over the window has no negative component. The Gram matrix goes through the source several
/// times, for a part of the columns each.
/// @param source read on rank 0 of `team` only
/// @note Collective over `team`; the result is the same on all its ranks, but for `projection`, which rank 0 alone has.
/// @throws SolverError, agreed: the solve failed, or the weights did not move at all
[[nodiscard]] Pca principal_components(const Communicator& team, const SnapshotSource& source,
                                       const PcaOptions& options = {});

}  // namespace flatsweep
