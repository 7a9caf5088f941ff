#include "flatsweep/linalg/row_modes.hpp"

#include "flatsweep/base/index.hpp"
#include "flatsweep/linalg/orthonormal_basis.hpp"
#include "in_double.hpp"
#include "lapack.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <utility>

namespace flatsweep {

namespace {

// Of the largest eigenvalue: below, a Gram matrix of that precision holds rounding only.
template <class Scalar>
constexpr double smallest = std::is_same_v<Scalar, float> ? 1e-6 : 1e-12;

constexpr Index columns_per_block = 512;

template <class Scalar>
using RowMatrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
// A copy where the precision is another than the rows', else a view.
template <class Scalar>
using Panel = const Eigen::Ref<const RowMatrix<Scalar>, 0, Eigen::OuterStride<>>;

constexpr auto syrk(double) { return dsyrk_; }
constexpr auto syrk(float) { return ssyrk_; }
constexpr auto gemm(double) { return dgemm_; }
constexpr auto gemm(float) { return sgemm_; }

template <class Scalar>
Index count_positive(const Eigen::VectorXd& values, int most) {
  Index count = 0;
  while (count < std::min<Index>(most, values.size()) && values(count) > smallest<Scalar> * values(0)) ++count;
  return count;
}

/// R R^T, lower triangle, a panel of columns after the other.
template <class Scalar>
Eigen::MatrixX<Scalar> gram_matrix(const SnapshotBlock& rows) {
  const int count = rows.rows();
  const Scalar one = 1;
  Eigen::MatrixX<Scalar> gram = Eigen::MatrixX<Scalar>::Zero(count, count);
  for (Index first = 0; first < rows.cols(); first += columns_per_block) {
    const int width = std::min(columns_per_block, rows.cols() - first);
    Panel<Scalar> panel = rows.middleCols(first, width).template cast<Scalar>();
    const int stride = panel.outerStride();
    syrk(one)("L", "T", &count, &width, &one, panel.data(), &stride, &one, gram.data(), &count);
  }
  return gram;
}

/// v_i = R^T u_i / sqrt(l_i).
template <class Scalar>
Eigen::MatrixXd to_right(const SnapshotBlock& rows, const EigenPairs& left, Index count) {
  const Eigen::MatrixX<Scalar> scaled =
      (left.vectors.leftCols(count) * left.values.head(count).cwiseSqrt().cwiseInverse().asDiagonal())
          .template cast<Scalar>();
  Eigen::MatrixX<Scalar> right(rows.cols(), count);
  const int inner = rows.rows(), columns = count;
  const int right_stride = rows.cols();
  const Scalar one = 1, zero = 0;
  for (Index first = 0; first < rows.cols(); first += columns_per_block) {
    const int width = std::min(columns_per_block, rows.cols() - first);
    Panel<Scalar> panel = rows.middleCols(first, width).template cast<Scalar>();
    const int stride = panel.outerStride();
    gemm(one)("N", "N", &width, &columns, &inner, &one, panel.data(), &stride, scaled.data(), &inner, &zero,
              right.data() + first, &right_stride);
  }
  return in_double(std::move(right));
}

template <class Scalar>
EigenPairs by_gram_matrix(const SnapshotBlock& rows, int most) {
  const auto left = leading_symmetric(gram_matrix<Scalar>(rows), most);
  auto right = to_right<Scalar>(rows, left, count_positive<Scalar>(left.values, most));
  restore_orthonormality(right);
  return {left.values.head(right.cols()), std::move(right), {}};
}

}  // namespace

EigenPairs leading_row_modes(const SnapshotBlock& rows, int most, RowSums sums) {
  if (rows.rows() < rows.cols())
    return sums == RowSums::in_single ? by_gram_matrix<float>(rows, most) : by_gram_matrix<double>(rows, most);
  SecondMoment moment(Eigen::VectorXd::Zero(rows.cols()));
  moment.add(rows);
  const auto leading = leading_symmetric(moment.sum_of_squares(), most);
  const auto count = count_positive<double>(leading.values, most);
  return {leading.values.head(count), leading.vectors.leftCols(count), {}};
}

}  // namespace flatsweep
