#pragma once

#include "flatsweep/base/index.hpp"
#include "flatsweep/par/communicator.hpp"

#include <Eigen/Core>

#include <functional>

namespace flatsweep {

/// The rows of tall matrices, dealt over ranks in segments whose bounds depend on the number of rows alone. Products
/// are taken segment by segment and sums over rows are added in the segments' order, so that all results are bit for
/// bit the same for any number of ranks. A matrix is held as this rank's rows of it.
class RowDistribution {
 public:
  /// @param rows of the whole matrices
  RowDistribution(const Communicator& comm, Index rows);

  [[nodiscard]] Index rows() const { return rows_; }
  /// This rank's rows.
  [[nodiscard]] Range local() const { return local_; }

  /// A^T B.  @note Collective; the result is the same on every rank.
  [[nodiscard]] Eigen::MatrixXd inner(const Eigen::Ref<const Eigen::MatrixXd>& a,
                                      const Eigen::Ref<const Eigen::MatrixXd>& b) const;
  /// A C, C the same on every rank.
  [[nodiscard]] Eigen::MatrixXd times(const Eigen::Ref<const Eigen::MatrixXd>& a, const Eigen::MatrixXd& c) const;
  /// The whole matrix on every rank.  @note Collective.
  [[nodiscard]] Eigen::MatrixXd gather(const Eigen::Ref<const Eigen::MatrixXd>& a) const;

 private:
  void for_each_segment(const std::function<void(Index first, Index count)>& visit) const;

  Communicator comm_;
  Index rows_;
  int segments_;
  Range mine_;   // segments
  Range local_;  // rows
};

}  // namespace flatsweep
