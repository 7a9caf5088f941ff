#include "flatsweep/linalg/products.hpp"

#include "flatsweep/linalg/entries.hpp"
#include "lapack.hpp"

#include <algorithm>

namespace flatsweep {

namespace {

constexpr Index columns_at_a_time = 256;

/// Distance of neighbouring columns, as BLAS wants it where there are none.
int stride_of(const MatrixView& matrix) { return std::max({matrix.outerStride(), matrix.rows(), Index{1}}); }

void call_dgemm(const char* first, const MatrixView& a, const MatrixView& b, double kept,
                Eigen::Ref<Eigen::MatrixXd> out) {
  const int rows = out.rows(), columns = out.cols(), inner = b.rows();
  const int a_stride = stride_of(a), b_stride = stride_of(b), out_stride = stride_of(out);
  const double one = 1.0;
  dgemm_(first, "N", &rows, &columns, &inner, &one, a.data(), &a_stride, b.data(), &b_stride, &kept, out.data(),
         &out_stride);
}

}  // namespace

Eigen::MatrixXd multiply(const MatrixView& a, const MatrixView& b) {
  Eigen::MatrixXd out(a.rows(), b.cols());
  multiply(a, b, out);
  return out;
}

void multiply(const MatrixView& a, const MatrixView& b, Eigen::Ref<Eigen::MatrixXd> out) {
  call_dgemm("N", a, b, 0.0, out);
}

void add_transposed_product(const MatrixView& a, const MatrixView& b, Eigen::Ref<Eigen::MatrixXd> sum) {
  call_dgemm("T", a, b, 1.0, sum);
}

OuterProducts::OuterProducts(Index size) : sum_(Eigen::MatrixXd::Zero(size, size)) {}

void OuterProducts::add(const SnapshotBlock& rows, double weight) {
  const Eigen::MatrixXd columns = rows.transpose().cast<double>();
  const int size = columns.rows(), count = columns.cols();
  const double one = 1.0;
  dsyrk_("L", "N", &size, &count, &weight, columns.data(), &size, &one, sum_.data(), &size);
}

void OuterProducts::reduce(const Communicator& comm) { comm.sum(entries(sum_)); }

Eigen::VectorXd OuterProducts::along(const Eigen::MatrixXd& columns) const {
  const int size = sum_.rows();
  const double one = 1.0, zero = 0.0;
  Eigen::VectorXd result(columns.cols());
  Eigen::MatrixXd products(size, columns_at_a_time);
  for (Index first = 0; first < columns.cols(); first += columns_at_a_time) {
    const int count = std::min(columns_at_a_time, columns.cols() - first);
    dsymm_("L", "L", &size, &count, &one, sum_.data(), &size, columns.col(first).data(), &size, &zero, products.data(),
           &size);
    result.segment(first, count) =
        columns.middleCols(first, count).cwiseProduct(products.leftCols(count)).colwise().sum().transpose();
  }
  return result;
}

}  // namespace flatsweep
