#pragma once

#include "flatsweep/base/index.hpp"
#include "flatsweep/par/communicator.hpp"

#include <Eigen/Core>

#include <cstdint>

namespace flatsweep {

/// Single-precision rows as they are stored by the trainer: row-major, one snapshot a row.
using RowMatrixF = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using SnapshotBlock = Eigen::Ref<const RowMatrixF, 0, Eigen::OuterStride<>>;

/// Sums x_t - s and (x_t - s)(x_t - s)^T over single-precision rows x_t in double precision (blocked dsyrk), s a fixed
/// shift close to the mean, so that the covariance loses no digits when the mean is taken out at the end.
class SecondMoment {
 public:
  /// @param shift (n,)
  explicit SecondMoment(Eigen::VectorXd shift);
  /// @param rows (t, n)
  void add(const SnapshotBlock& rows);
  /// Adds up the sums of all ranks, which must have used the same shift; call it once, last. @note Collective.
  void reduce(const Communicator& comm);
  [[nodiscard]] std::int64_t count() const { return count_; }
  [[nodiscard]] Eigen::VectorXd mean() const;
  /// (1/T) sum (x - mean)(x - mean)^T, (n, n), both triangles.
  [[nodiscard]] Eigen::MatrixXd covariance() const;
  /// sum (x - shift)(x - shift)^T, (n, n), both triangles.
  [[nodiscard]] Eigen::MatrixXd sum_of_squares() const;

 private:
  Eigen::VectorXd shift_;
  Eigen::VectorXd sum_;
  Eigen::MatrixXd squares_;  // lower triangle
  Eigen::MatrixXd block_;    // (n, rows) scratch
  std::int64_t count_ = 0;
};

/// The Gram matrix (T, T) of rows whose mean is taken out, G_st = (x_s - mean).(x_t - mean), in double precision, from
/// panels of columns one after another.
class GramSum {
 public:
  explicit GramSum(Index rows);
  /// @param panel (T, w) columns of all rows
  void add(const SnapshotBlock& panel);
  /// Adds up the sums of all ranks; call it once, last. @note Collective.
  void reduce(const Communicator& comm);
  /// Both triangles; call it once, last.
  [[nodiscard]] Eigen::MatrixXd take_centred();

 private:
  Eigen::MatrixXd products_;  // lower triangle of sums of (x_s - x_1)(x_t - x_1)
};

}  // namespace flatsweep
