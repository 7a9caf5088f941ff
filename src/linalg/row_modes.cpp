#include "flatsweep/linalg/row_modes.hpp"

#include "lapack.hpp"

#include <algorithm>
#include <cmath>

namespace flatsweep {

namespace {

constexpr double smallest = 1e-12;  // of the largest eigenvalue: below, a Gram matrix holds rounding only
constexpr Eigen::Index columns_per_block = 512;

Eigen::Index count_positive(const Eigen::VectorXd& values, int most) {
  Eigen::Index count = 0;
  while (count < std::min<Eigen::Index>(most, values.size()) && values(count) > smallest * values(0)) ++count;
  return count;
}

/// R R^T, lower triangle, a panel of columns after the other in double precision.
Eigen::MatrixXd gram_matrix(const SnapshotBlock& rows) {
  const int count = static_cast<int>(rows.rows());
  const double one = 1.0;
  Eigen::MatrixXd gram = Eigen::MatrixXd::Zero(count, count);
  for (Eigen::Index first = 0; first < rows.cols(); first += columns_per_block) {
    const int width = static_cast<int>(std::min(columns_per_block, rows.cols() - first));
    const Eigen::MatrixXd panel = rows.middleCols(first, width).cast<double>();
    dsyrk_("L", "N", &count, &width, &one, panel.data(), &count, &one, gram.data(), &count);
  }
  return gram;
}

/// v_i = R^T u_i / sqrt(l_i).
Eigen::MatrixXd to_right(const SnapshotBlock& rows, const EigenPairs& left, Eigen::Index count) {
  const Eigen::MatrixXd scaled =
      left.vectors.leftCols(count) * left.values.head(count).cwiseSqrt().cwiseInverse().asDiagonal();
  Eigen::MatrixXd right(rows.cols(), count);
  for (Eigen::Index first = 0; first < rows.cols(); first += columns_per_block) {
    const auto width = std::min(columns_per_block, rows.cols() - first);
    right.middleRows(first, width).noalias() = rows.middleCols(first, width).cast<double>().transpose() * scaled;
  }
  return right;
}

}  // namespace

EigenPairs leading_row_modes(const SnapshotBlock& rows, int most) {
  if (rows.rows() < rows.cols()) {
    const auto left = eigen_symmetric(gram_matrix(rows));
    const auto count = count_positive(left.values, most);
    return {left.values.head(count), to_right(rows, left, count), {}};
  }
  SecondMoment moment(Eigen::VectorXd::Zero(rows.cols()));
  moment.add(rows);
  const auto all = eigen_symmetric(moment.sum_of_squares());
  const auto count = count_positive(all.values, most);
  return {all.values.head(count), all.vectors.leftCols(count), {}};
}

}  // namespace flatsweep
