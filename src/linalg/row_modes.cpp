#include "flatsweep/linalg/row_modes.hpp"

#include "flatsweep/base/index.hpp"
#include "flatsweep/linalg/orthonormal_basis.hpp"
#include "lapack.hpp"

#include <algorithm>
#include <cmath>

namespace flatsweep {

namespace {

constexpr double smallest = 1e-12;  // of the largest eigenvalue: below, a Gram matrix holds rounding only
constexpr Index columns_per_block = 512;

using RowMatrixD = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

Index count_positive(const Eigen::VectorXd& values, int most) {
  Index count = 0;
  while (count < std::min<Index>(most, values.size()) && values(count) > smallest * values(0)) ++count;
  return count;
}

/// R R^T, lower triangle, a panel of columns after the other in double precision.
Eigen::MatrixXd gram_matrix(const SnapshotBlock& rows) {
  const int count = rows.rows();
  const double one = 1.0;
  Eigen::MatrixXd gram = Eigen::MatrixXd::Zero(count, count);
  for (Index first = 0; first < rows.cols(); first += columns_per_block) {
    const int width = std::min(columns_per_block, rows.cols() - first);
    const RowMatrixD panel = rows.middleCols(first, width).cast<double>();
    dsyrk_("L", "T", &count, &width, &one, panel.data(), &width, &one, gram.data(), &count);
  }
  return gram;
}

/// v_i = R^T u_i / sqrt(l_i).
Eigen::MatrixXd to_right(const SnapshotBlock& rows, const EigenPairs& left, Index count) {
  const Eigen::MatrixXd scaled =
      left.vectors.leftCols(count) * left.values.head(count).cwiseSqrt().cwiseInverse().asDiagonal();
  Eigen::MatrixXd right(rows.cols(), count);
  const int inner = rows.rows(), columns = count;
  const int stride = rows.cols();
  const double one = 1.0, zero = 0.0;
  for (Index first = 0; first < rows.cols(); first += columns_per_block) {
    const int width = std::min(columns_per_block, rows.cols() - first);
    const RowMatrixD panel = rows.middleCols(first, width).cast<double>();
    dgemm_("N", "N", &width, &columns, &inner, &one, panel.data(), &width, scaled.data(), &inner, &zero,
           right.data() + first, &stride);
  }
  return right;
}

}  // namespace

EigenPairs leading_row_modes(const SnapshotBlock& rows, int most) {
  if (rows.rows() < rows.cols()) {
    const auto left = leading_symmetric(gram_matrix(rows), most);
    const auto count = count_positive(left.values, most);
    auto right = to_right(rows, left, count);
    restore_orthonormality(right);
    return {left.values.head(right.cols()), std::move(right), {}};
  }
  SecondMoment moment(Eigen::VectorXd::Zero(rows.cols()));
  moment.add(rows);
  const auto leading = leading_symmetric(moment.sum_of_squares(), most);
  const auto count = count_positive(leading.values, most);
  return {leading.values.head(count), leading.vectors.leftCols(count), {}};
}

}  // namespace flatsweep
