#pragma once

#include "flatsweep/analysis/pooled_pca.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/linalg/symmetric_eigen.hpp"

namespace flatsweep {

/// The windows of a pool and what all routes do with them. Collective.
class Pool {
 public:
  Pool(const Communicator& comm, std::span<const PoolMember> members, std::function<void()> each_pass);

  [[nodiscard]] Index size() const { return members_.front().mean.size(); }
  [[nodiscard]] std::int64_t iterations() const { return iterations_; }
  [[nodiscard]] std::span<const PoolMember> members() const { return members_; }
  [[nodiscard]] std::span<const PoolMember> own() const;
  [[nodiscard]] const Communicator& comm() const { return comm_; }

  /// What a member contributes to a sum over all of them, entries of one matrix.
  using Contribution = std::function<Eigen::MatrixXd(const PoolMember& member)>;
  /// The sum over all members, in their order; one pass through the windows.
  [[nodiscard]] Eigen::MatrixXd sum(Index rows, Index columns, const Contribution& contribution) const;

  /// Every member's centred snapshots, columns first .. first + width - 1, in the members' order. (T, width)
  [[nodiscard]] Eigen::MatrixXd own_columns(Index first, Index width) const;
  /// C V without C.
  [[nodiscard]] Eigen::MatrixXd covariance_times(const Eigen::MatrixXd& v) const;
  void start_pass() const {
    if (each_pass_) each_pass_();
  }

 private:
  const Communicator& comm_;
  Communicator self_ = Communicator::self();
  std::span<const PoolMember> members_;
  std::function<void()> each_pass_;
  std::int64_t iterations_ = 0;
};

/// All modes of C by the N x N covariance; at most `directions` vectors.
[[nodiscard]] EigenPairs pooled_modes_by_covariance(const Pool& pool, Index directions);
/// All modes of C by the T x T Gram matrix of all centred snapshots; at most `directions` vectors.
[[nodiscard]] EigenPairs pooled_modes_by_gram(const Pool& pool, Index directions);

}  // namespace flatsweep
