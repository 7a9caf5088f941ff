#include "flatsweep/linalg/symmetric_spectrum.hpp"

#include "distributed_eigen.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/linalg/entries.hpp"
#include "flatsweep/par/agreement.hpp"
#include "lapack.hpp"

#include <utility>
#include <vector>

namespace flatsweep {

namespace {

/// Calls a LAPACK routine with the work space that it asks for at a first call: call(work, size).
template <class Call>
void with_real_work_space(const Call& call) {
  double wanted = 0.0;
  call(&wanted, -1);
  std::vector<double> work(wanted);
  call(work.data(), wanted);
}

}  // namespace

SymmetricSpectrum::SymmetricSpectrum(const Communicator& comm, Eigen::MatrixXd matrix)
    : comm_(comm), values_(matrix.rows()) {
  on_root(comm_, [&] { reduce(std::move(matrix)); });
  comm_.broadcast(entries(values_));
}

void SymmetricSpectrum::reduce(Eigen::MatrixXd matrix) {
  detail::check_matrix(matrix);
  const int n = matrix.rows();
  int info = 0;
  diagonal_.resize(n);
  off_diagonal_.resize(n);  // one more than there are
  tau_.resize(n);
  with_real_work_space([&](double* work, int size) {
    dsytrd_("L", &n, matrix.data(), &n, diagonal_.data(), off_diagonal_.data(), tau_.data(), work, &size, &info);
    detail::check_lapack(info, "dsytrd");
  });
  reflectors_ = std::move(matrix);
  Eigen::VectorXd ascending = diagonal_, destroyed = off_diagonal_;
  dsterf_(&n, ascending.data(), destroyed.data(), &info);
  detail::check_lapack(info, "dsterf");
  values_ = ascending.reverse();
}

Eigen::MatrixXd SymmetricSpectrum::vectors(std::span<const int> numbers) const {
  Eigen::MatrixXd found(values_.size(), std::ssize(numbers));
  if (numbers.empty()) return found;
  on_root(comm_, [&] { found = solve(numbers); });
  comm_.broadcast(entries(found));
  return found;
}

// The whole matrix is one block to dstein, in which it makes vectors of close eigenvalues orthogonal.
Eigen::MatrixXd SymmetricSpectrum::solve(std::span<const int> numbers) const {
  const int n = diagonal_.size(), count = numbers.size();
  Eigen::VectorXd wanted(count), work(5 * n);
  for (int i = 0; i < count; ++i) wanted(i) = values_(numbers[count - 1 - i]);
  std::vector<int> blocks(n, 1), ends(n, n), integers(n), failed(count);
  Eigen::MatrixXd found(n, count);
  int info = 0;
  dstein_(&n, diagonal_.data(), off_diagonal_.data(), &count, wanted.data(), blocks.data(), ends.data(), found.data(),
          &n, work.data(), integers.data(), failed.data(), &info);
  detail::check_lapack(info, "dstein");
  with_real_work_space([&](double* space, int size) {
    dormtr_("L", "L", "N", &n, &count, reflectors_.data(), &n, tau_.data(), found.data(), &n, space, &size, &info);
    detail::check_lapack(info, "dormtr");
  });
  return found.rowwise().reverse();
}

}  // namespace flatsweep
