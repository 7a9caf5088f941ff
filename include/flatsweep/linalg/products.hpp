#pragma once

#include "flatsweep/linalg/second_moment.hpp"

#include <Eigen/Core>

namespace flatsweep {

/// A matrix or a block of one, column-major.
using MatrixView = Eigen::Ref<const Eigen::MatrixXd>;

/// a b in double precision by BLAS, which takes half the time of Eigen's products where matrices have some hundred rows
/// and columns. What a column comes out as depends on how many there are: results that are to repeat bit for bit need
/// products of one shape.
/// @param a (m, k)   @param b (k, n)   @return (m, n)
[[nodiscard]] Eigen::MatrixXd multiply(const MatrixView& a, const MatrixView& b);
/// The same into memory that is there already. @param out (m, n), no part of a or b
void multiply(const MatrixView& a, const MatrixView& b, Eigen::Ref<Eigen::MatrixXd> out);
/// sum += a^T b. @param a (k, m)   @param b (k, n)   @param sum (m, n), no part of a or b
void add_transposed_product(const MatrixView& a, const MatrixView& b, Eigen::Ref<Eigen::MatrixXd> sum);

/// S = sum_t c_t x_t x_t^T of single-precision rows in double precision, and p^T S p along many columns p: less work
/// than projecting the rows where they are more than twice as many as a row has numbers.
class OuterProducts {
 public:
  /// @param size n, numbers of a row
  explicit OuterProducts(Index size);
  /// @param rows (t, n)   @param weight c of all of them
  void add(const SnapshotBlock& rows, double weight);
  /// Adds up the sums of all ranks; call it once, last. @note Collective.
  void reduce(const Communicator& comm);
  /// p^T S p. @param columns (n, k)   @return (k,)
  [[nodiscard]] Eigen::VectorXd along(const Eigen::MatrixXd& columns) const;

 private:
  Eigen::MatrixXd sum_;  // lower triangle
};

}  // namespace flatsweep
