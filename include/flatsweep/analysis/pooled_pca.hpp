#pragma once

#include "flatsweep/analysis/snapshots.hpp"
#include "flatsweep/base/enum_words.hpp"
#include "flatsweep/par/communicator.hpp"

#include <Eigen/Core>

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

namespace flatsweep {

/// The window of one replica, as a pool sees it.
struct PoolMember {
  std::int64_t iterations = 0;  ///< T
  Eigen::VectorXd mean;         ///< (N,) over its own window
  double total_variance = 0.0;  ///< trace of its own covariance
  SnapshotSource source;        ///< on its owner alone
};

/// The members that this rank owns, whose windows it goes through: consecutive ones.
[[nodiscard]] Range owned_members(const Communicator& comm, std::size_t members);

struct PooledPcaOptions {
  double fraction = 0.999;           ///< of the variance that the computed modes hold at least
  std::int64_t directions = 10;      ///< how many directions are wanted
  std::int64_t direct_modes = 3000;  ///< up to so many modes, the lesser of N and all snapshots, all are computed
};

/// How the spectrum was found.
enum class PoolRoute { covariance, gram, products };

template <>
inline constexpr auto enum_words<PoolRoute> = make_enum_words<PoolRoute>({
    {PoolRoute::covariance, "covariance", "the N x N covariance, all modes"},
    {PoolRoute::gram, "gram", "the matrix of inner products of snapshots, all modes"},
    {PoolRoute::products, "products",
     "a Krylov space of the covariance, which is applied window by window and never formed; leading modes"},
});

/// PCA of all windows of a pool together. Every window is centred on its own mean: C = sum_a (T_a/T) C_a. The means of
/// networks that started apart lie far apart; what they add to the covariance of the whole pool stands by itself.
struct PooledPca {
  PoolRoute route = PoolRoute::covariance;
  std::int64_t iterations = 0;       ///< T, snapshots of all members
  double total_variance = 0.0;       ///< trace of C
  Eigen::VectorXd variance;          ///< (K,) leading eigenvalues of C, descending
  Eigen::VectorXd residual;          ///< (K,) |C u - lambda u|; empty where all modes come from a direct solve
  Eigen::MatrixXd directions;        ///< (N, k) orthonormal; the entry of largest size is positive
  Eigen::MatrixXd member_share;      ///< (k, members) part of the variance along u_i that each member brings
  Eigen::VectorXd between_variance;  ///< (members,) eigenvalues of the means' covariance with weights T_a/T
  int modes_for_fraction = 0;        ///< leading modes that hold `fraction` of the variance
};

/// @param members the same on every rank but for the sources, of equal size N
/// @param each_pass called on every rank before the windows are gone through; what it throws must be agreed
/// @return the same on every rank and bit for bit the same for any number of ranks
/// @note Collective over `comm`.  @throws SolverError, and what a source throws, agreed
[[nodiscard]] PooledPca pooled_principal_components(const Communicator& comm, std::span<const PoolMember> members,
                                                    const PooledPcaOptions& options,
                                                    const std::function<void()>& each_pass = {});

}  // namespace flatsweep
