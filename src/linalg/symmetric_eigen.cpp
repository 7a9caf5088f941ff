#include "flatsweep/linalg/symmetric_eigen.hpp"

#include "distributed_eigen.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/linalg/entries.hpp"
#include "flatsweep/par/agreement.hpp"
#include "in_double.hpp"
#include "lapack.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace flatsweep {

namespace detail {

void sort_descending(EigenPairs& pairs) {
  pairs.values.reverseInPlace();
  const Index n = pairs.vectors.cols();
  for (Index i = 0; i < n / 2; ++i) pairs.vectors.col(i).swap(pairs.vectors.col(n - 1 - i));
}

void check_lapack(int info, const char* routine) {
  if (info == 0) return;
  const std::string reason = info < 0 ? "rejected argument " + std::to_string(-info)
                                      : "did not converge (info = " + std::to_string(info) + ")";
  throw SolverError(std::string(routine) + " " + reason);
}

void check_matrix(const Eigen::MatrixXd& matrix) {
  constexpr Index largest = 32000;  // dsyevd asks for 1 + 6n + 2n^2 doubles, counted in a 32-bit int
  if (matrix.rows() != matrix.cols() || matrix.rows() > largest)
    throw SolverError("a full eigensolve takes a square matrix of at most 32000 rows; this one is " +
                      std::to_string(matrix.rows()) + " x " + std::to_string(matrix.cols()) +
                      "; ask for the leading modes instead");
  for (Index j = 0; j < matrix.cols(); ++j)
    if (!matrix.col(j).tail(matrix.rows() - j).allFinite())
      throw SolverError(
          "column " + std::to_string(j) + " of a matrix of " + std::to_string(matrix.rows()) +
          " rows has an entry that is not finite, so it has no eigenvalues; look for a run that diverged");
}

}  // namespace detail

namespace {

// Measured on one node with two ranks: dsyevd and a broadcast win up to about 1200 rows, pdsyevd from 2500 on; between
// them timings scatter.
constexpr Index scalapack_from = 1500;

// Calls a routine with the work space that it asks for at a first call: call(work, work_size, iwork, iwork_size).
template <class Scalar, class Call>
void with_real_and_integer_work_space(const Call& call) {
  constexpr int query = -1;
  Scalar work_size = 0;
  int iwork_size = 0;
  call(&work_size, query, &iwork_size, query);
  const auto work = std::make_unique_for_overwrite<Scalar[]>(work_size);
  std::vector<int> iwork(iwork_size);
  call(work.get(), work_size, iwork.data(), iwork_size);
}

// Eigenvalues, ascending; with job "V" the eigenvectors take the matrix's place.
Eigen::VectorXd call_dsyevd(const char* job, Eigen::MatrixXd& matrix) {
  detail::check_matrix(matrix);
  const int n = matrix.rows();
  Eigen::VectorXd values(n);
  if (n == 0) return values;
  with_real_and_integer_work_space<double>([&](double* work, int work_size, int* iwork, int iwork_size) {
    int info = 0;
    dsyevd_(job, "L", &n, matrix.data(), &n, values.data(), work, &work_size, iwork, &iwork_size, &info);
    detail::check_lapack(info, "dsyevd");
  });
  return values;
}

constexpr auto syevr(double) { return dsyevr_; }
constexpr auto syevr(float) { return ssyevr_; }
template <class Scalar>
constexpr auto syevr_name = std::is_same_v<Scalar, double> ? "dsyevr" : "ssyevr";

// The last `count` of the ascending order, 0 < count <= n.
template <class Scalar>
EigenPairs call_syevr(Eigen::MatrixX<Scalar>& matrix, int count) {
  detail::check_matrix(matrix.template cast<double>());
  const int n = matrix.rows(), first = n - count + 1;
  Eigen::VectorX<Scalar> values(n);
  Eigen::MatrixX<Scalar> vectors(n, count);
  std::vector<int> support(2 * count);
  const Scalar none = 0;
  int found = 0;
  with_real_and_integer_work_space<Scalar>([&](Scalar* work, int work_size, int* iwork, int iwork_size) {
    int info = 0;
    syevr(none)("V", "I", "L", &n, matrix.data(), &n, &none, &none, &first, &n, &none, &found, values.data(),
                vectors.data(), &n, support.data(), work, &work_size, iwork, &iwork_size, &info);
    detail::check_lapack(info, syevr_name<Scalar>);
  });
  if (found != count)
    throw SolverError(std::string(syevr_name<Scalar>) + " found " + std::to_string(found) + " of " +
                      std::to_string(count) + " eigenvalues");
  EigenPairs pairs{values.head(count).template cast<double>(), in_double(std::move(vectors)), {}};
  detail::sort_descending(pairs);
  return pairs;
}

template <class Scalar>
EigenPairs leading_of(Eigen::MatrixX<Scalar>& matrix, int count) {
  const int n = matrix.rows();
  if (Index{3} * count < n) return call_syevr(matrix, count);
  auto all = eigen_symmetric(in_double(std::move(matrix)));
  const auto kept = std::min(count, n);
  return {all.values.head(kept), all.vectors.leftCols(kept), {}};
}

}  // namespace

EigenPairs eigen_symmetric(Eigen::MatrixXd matrix) {
  EigenPairs pairs;
  pairs.values = call_dsyevd("V", matrix);
  pairs.vectors = std::move(matrix);
  detail::sort_descending(pairs);
  return pairs;
}

EigenPairs leading_symmetric(Eigen::MatrixXd matrix, int count) { return leading_of(matrix, count); }

EigenPairs leading_symmetric(Eigen::MatrixXf matrix, int count) { return leading_of(matrix, count); }

Eigen::VectorXd eigenvalues_symmetric(Eigen::MatrixXd matrix) { return call_dsyevd("N", matrix).reverse(); }

Eigen::VectorXd eigenvalues_symmetric(const Communicator& comm, Eigen::MatrixXd matrix) {
  if (comm.size() == 1) return eigenvalues_symmetric(std::move(matrix));
  if (matrix.rows() >= scalapack_from) return detail::eigenvalues_scalapack(comm, std::move(matrix));
  Eigen::VectorXd values(matrix.rows());
  on_root(comm, [&] { values = eigenvalues_symmetric(std::move(matrix)); });
  comm.broadcast(entries(values));
  return values;
}

EigenPairs eigen_symmetric_on_root(const Communicator& comm, Eigen::MatrixXd matrix) {
  if (comm.size() == 1) return eigen_symmetric(std::move(matrix));
  const Index n = matrix.rows();
  EigenPairs pairs;
  on_root(comm, [&] { pairs = eigen_symmetric(std::move(matrix)); });
  agree(comm, [&] {
    pairs.values.resize(n);
    pairs.vectors.resize(n, n);
  });
  comm.broadcast(std::span<double>(pairs.values.data(), n));
  comm.broadcast(std::span<double>(pairs.vectors.data(), n * n));
  return pairs;
}

EigenPairs eigen_symmetric(const Communicator& comm, Eigen::MatrixXd matrix) {
  if (comm.size() == 1 || matrix.rows() < scalapack_from) return eigen_symmetric_on_root(comm, std::move(matrix));
  return detail::eigen_scalapack(comm, std::move(matrix));
}

}  // namespace flatsweep
