#include "flatsweep/linalg/orthonormal_basis.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/index.hpp"
#include "lapack.hpp"

#include <Eigen/QR>

#include <cmath>

namespace flatsweep {

namespace {
using Eigen::MatrixXd;

constexpr double orthonormal_to = 1e-11;

/// P^T P, lower triangle.
MatrixXd overlaps_of(const MatrixXd& columns) {
  const int n = columns.rows(), k = columns.cols();
  const double one = 1.0, zero = 0.0;
  MatrixXd overlaps(k, k);
  dsyrk_("L", "T", &k, &n, &one, columns.data(), &n, &zero, overlaps.data(), &k);
  return overlaps;
}

/// Leading columns that are orthonormal among themselves.
Index count_orthonormal(const MatrixXd& overlaps) {
  for (Index i = 0; i < overlaps.rows(); ++i) {
    const double with_earlier = i > 0 ? overlaps.row(i).head(i).cwiseAbs().maxCoeff() : 0.0;
    if (std::max(with_earlier, std::abs(overlaps(i, i) - 1.0)) > orthonormal_to) return i;
  }
  return overlaps.rows();
}

/// Cholesky factor of a positive definite matrix, of its leading rows up to a pivot below 1/4. Lower triangle.
MatrixXd leading_factor(MatrixXd matrix) {
  const int n = matrix.rows();
  int info = 0;
  dpotrf_("L", &n, matrix.data(), &n, &info);
  if (info < 0) throw SolverError("dpotrf rejected argument " + std::to_string(-info));
  Index good = info == 0 ? n : info - 1;
  for (Index i = 0; i < good; ++i)
    if (!(matrix(i, i) > 0.5)) good = i;
  return matrix.topLeftCorner(good, good);
}

}  // namespace

Eigen::MatrixXd orthonormal_basis(const Eigen::MatrixXd& columns) {
  const Eigen::HouseholderQR<Eigen::MatrixXd> factors(columns);
  Eigen::MatrixXd basis = Eigen::MatrixXd::Identity(columns.rows(), columns.cols());
  basis.applyOnTheLeft(factors.householderQ());
  for (Index i = 0; i < columns.cols(); ++i)
    if (factors.matrixQR()(i, i) < 0.0) basis.col(i) *= -1.0;
  return basis;
}

// With P = (A, B), A orthonormal, and B^T B - (A^T B)^T A^T B = L L^T the columns (B - A A^T B) L^-T are the ones of
// Gram and Schmidt. Nearly orthonormal columns make L well conditioned, and one round is enough.
void restore_orthonormality(MatrixXd& columns) {
  constexpr int most_rounds = 3;
  for (int round = 0; round < most_rounds && columns.cols() > 0; ++round) {
    const MatrixXd overlaps = overlaps_of(columns);
    const Index good = count_orthonormal(overlaps), rest = columns.cols() - good;
    if (rest == 0) return;
    const MatrixXd mixed = overlaps.bottomLeftCorner(rest, good);
    const MatrixXd factor = leading_factor(overlaps.bottomRightCorner(rest, rest) - mixed * mixed.transpose());
    const Index kept = factor.rows();
    MatrixXd cleaned = columns.middleCols(good, kept);
    cleaned.noalias() -= columns.leftCols(good) * mixed.topRows(kept).transpose();
    factor.triangularView<Eigen::Lower>().transpose().solveInPlace<Eigen::OnTheRight>(cleaned);
    columns.conservativeResize(Eigen::NoChange, good + kept);
    columns.rightCols(kept) = cleaned;
  }
}

}  // namespace flatsweep
