#include "flatsweep/linalg/second_moment.hpp"

#include "flatsweep/base/index.hpp"
#include "flatsweep/linalg/entries.hpp"
#include "lapack.hpp"

#include <algorithm>

namespace flatsweep {

namespace {

// The depth at which OpenBLAS splits a dsyrk itself on AVX-512; 256 to 512 measured the same within 5 %.
constexpr Index rows_per_block = 384;
constexpr Index columns_per_block = 256;

// Copies the lower triangle to the upper one in tiles that fit the cache.
void mirror(Eigen::MatrixXd& matrix) {
  constexpr Index tile = 64;
  const Index n = matrix.rows();
  for (Index j = 0; j < n; j += tile)
    for (Index i = 0; i <= j; i += tile) {
      const Index rows = std::min(tile, n - i), columns = std::min(tile, n - j);
      if (i == j)
        matrix.block(i, i, rows, rows).triangularView<Eigen::StrictlyUpper>() =
            matrix.block(i, i, rows, rows).transpose().eval();
      else
        matrix.block(i, j, rows, columns) = matrix.block(j, i, columns, rows).transpose();
    }
}

}  // namespace

SecondMoment::SecondMoment(Eigen::VectorXd shift)
    : shift_(std::move(shift)),
      sum_(Eigen::VectorXd::Zero(shift_.size())),
      squares_(Eigen::MatrixXd::Zero(shift_.size(), shift_.size())),
      block_(shift_.size(), rows_per_block) {}

void SecondMoment::add(const SnapshotBlock& rows) {
  const int n = shift_.size();
  const double one = 1.0;
  for (Index first = 0; first < rows.rows(); first += rows_per_block) {
    const int count = std::min(rows_per_block, rows.rows() - first);
    for (int i = 0; i < count; ++i) {
      block_.col(i) = rows.row(first + i).transpose().cast<double>() - shift_;
      sum_ += block_.col(i);
    }
    dsyrk_("L", "N", &n, &count, &one, block_.data(), &n, &one, squares_.data(), &n);
  }
  count_ += rows.rows();
}

void SecondMoment::reduce(const Communicator& comm) {
  comm.sum(entries(sum_));
  comm.sum(entries(squares_));
  count_ = comm.sum(count_);
}

Eigen::VectorXd SecondMoment::mean() const { return shift_ + sum_ / count_; }

// (1/T) sum (x - m)(x - m)^T = (1/T) sum (x - s)(x - s)^T - (m - s)(m - s)^T.
Eigen::MatrixXd SecondMoment::covariance() const {
  const double count = count_;
  const Eigen::VectorXd offset = sum_ / count;
  Eigen::MatrixXd result(squares_.rows(), squares_.cols());
  for (Index j = 0; j < result.cols(); ++j) {
    const Index below = result.rows() - j;
    result.col(j).tail(below) = squares_.col(j).tail(below) / count - offset(j) * offset.tail(below);
  }
  mirror(result);
  return result;
}

Eigen::MatrixXd SecondMoment::sum_of_squares() const {
  Eigen::MatrixXd result = squares_;
  mirror(result);
  return result;
}

GramSum::GramSum(Index rows) : products_(Eigen::MatrixXd::Zero(rows, rows)) {}

// The first row is close enough to the mean for the sums to keep digits.
void GramSum::add(const SnapshotBlock& panel) {
  const int count = panel.rows();
  const double one = 1.0;
  const int ld = columns_per_block;
  Eigen::MatrixXd block(columns_per_block, count);  // column t holds a stretch of row t
  for (Index first = 0; first < panel.cols(); first += columns_per_block) {
    const int width = std::min(columns_per_block, panel.cols() - first);
    const Eigen::VectorXd origin = panel.row(0).segment(first, width).transpose().cast<double>();
    for (int t = 0; t < count; ++t)
      block.col(t).head(width) = panel.row(t).segment(first, width).transpose().cast<double>() - origin;
    dsyrk_("L", "T", &count, &width, &one, block.data(), &ld, &one, products_.data(), &count);
  }
}

void GramSum::reduce(const Communicator& comm) { comm.sum(entries(products_)); }

// With y = x - x_1 and r the row means of Y Y^T: (x_s - m).(x_t - m) = y_s.y_t - r_s - r_t + mean(r).
Eigen::MatrixXd GramSum::take_centred() {
  mirror(products_);
  const Eigen::VectorXd means = products_.colwise().mean().transpose();
  const double mean = means.mean();
  for (Index t = 0; t < products_.cols(); ++t) products_.col(t).array() += (mean - means(t)) - means.array();
  mirror(products_);  // rounding differs between the triangles
  return std::move(products_);
}

}  // namespace flatsweep
