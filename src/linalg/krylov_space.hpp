#pragma once

#include "flatsweep/base/index.hpp"
#include "flatsweep/base/random.hpp"
#include "flatsweep/linalg/leading_modes.hpp"
#include "flatsweep/linalg/row_distribution.hpp"

namespace flatsweep {

/// An orthonormal basis V of span{X, AX, A^2 X, ...}, block after block, its rows dealt over the ranks, and V^T A V.
/// All members but the plain readers are collective.
class KrylovSpace {
 public:
  /// @param start which of the random first blocks
  KrylovSpace(const Communicator& comm, const BlockOperator& apply, Index n, int block, std::uint64_t start);

  [[nodiscard]] Index size() const { return size_; }
  /// V^T A V, the same on every rank.
  [[nodiscard]] Eigen::MatrixXd projected() const { return projected_.topLeftCorner(size_, size_); }
  /// A V = V (V^T A V) + (the block to come) coupling, in the columns of the last block. No row: A leads nowhere new.
  [[nodiscard]] const Eigen::MatrixXd& coupling() const { return coupling_; }

  /// Takes the next block in. A block that A leads nowhere new is followed by a random one.
  void grow();
  /// V C, whole, on every rank.
  [[nodiscard]] Eigen::MatrixXd combine(const Eigen::MatrixXd& coefficients) const;

 private:
  [[nodiscard]] auto basis() const { return basis_.leftCols(size_); }
  [[nodiscard]] Eigen::MatrixXd random_block();
  [[nodiscard]] Eigen::MatrixXd without_basis(const Eigen::MatrixXd& block) const;
  [[nodiscard]] Eigen::MatrixXd orthonormalise(Eigen::MatrixXd block) const;
  [[nodiscard]] Eigen::MatrixXd cleaned(Eigen::MatrixXd columns, const Eigen::MatrixXd& found) const;
  void append(const Eigen::MatrixXd& block);

  const Communicator& comm_;
  const BlockOperator& apply_;
  RowDistribution rows_;
  Index block_;
  Random random_;
  Eigen::MatrixXd basis_, next_;          // this rank's rows
  Eigen::MatrixXd projected_, coupling_;  // whole
  Index size_ = 0;
  double scale_ = 0.0;  // largest |A x| of a unit vector so far
};

}  // namespace flatsweep
