#include "flatsweep/linalg/trace.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/linalg/entries.hpp"
#include "flatsweep/linalg/orthonormal_basis.hpp"
#include "probe.hpp"

#include <algorithm>
#include <cmath>
#include <span>

namespace flatsweep {

namespace {

Eigen::VectorXd product(const SymmetricOperator& apply, const Eigen::VectorXd& x) {
  Eigen::VectorXd y(x.size());
  apply(entries(x), entries(y));
  return y;
}

/// One product for every diagonal entry.
TraceEstimate exact_trace(const SymmetricOperator& apply, int n) {
  TraceEstimate trace{0.0, 0.0, n};
  double squares = 0.0;
  for (int i = 0; i < n; ++i) {
    const auto column = product(apply, Eigen::VectorXd::Unit(n, i));
    trace.value += column(i);
    squares += column.squaredNorm();
  }
  trace.frobenius = std::sqrt(squares);
  return trace;
}

/// An orthonormal basis (n, count) of the span of A S, S of random signs.
Eigen::MatrixXd sketch_range(const SymmetricOperator& apply, int n, int count, std::int64_t seed) {
  Eigen::MatrixXd range(n, count);
  for (int i = 0; i < count; ++i) range.col(i) = product(apply, random_signs(n, seed, ProbeUse::trace_sketch, i));
  return orthonormal_basis(range);
}

/// Mean of some numbers and its standard error.
class Mean {
 public:
  void add(double sample) {
    sum_ += sample;
    squares_ += sample * sample;
    ++count_;
  }
  [[nodiscard]] double value() const { return sum_ / count_; }
  [[nodiscard]] double error() const {
    const double mean = value(), variance = std::max(0.0, squares_ / count_ - mean * mean);
    return std::sqrt(variance / (count_ - 1));
  }

 private:
  double sum_ = 0.0, squares_ = 0.0;
  int count_ = 0;
};

}  // namespace

TraceEstimate estimate_trace(const SymmetricOperator& apply, int n, int products, std::int64_t seed) {
  if (n < 1 || products < 6) throw SolverError("a trace is estimated with at least six products");
  if (products >= n) return exact_trace(apply, n);
  const int sketch = products / 3, probes = products - 2 * sketch;
  const Eigen::MatrixXd basis = sketch_range(apply, n, sketch, seed);
  double value = 0.0, found = 0.0;
  for (Index i = 0; i < sketch; ++i) {
    const auto image = product(apply, basis.col(i));
    value += basis.col(i).dot(image);
    found += image.squaredNorm();
  }
  Mean rest, rest_squares;
  for (int i = 0; i < probes; ++i) {
    Eigen::VectorXd probe = random_signs(n, seed, ProbeUse::trace_rest, i);
    probe -= basis * (basis.transpose() * probe).eval();
    const auto image = product(apply, probe);
    rest.add(probe.dot(image));
    rest_squares.add(image.squaredNorm());
  }
  value += rest.value();
  if (!std::isfinite(value)) throw SolverError("an estimated trace is not finite; look for a run that diverged");
  const double frobenius = std::sqrt(found + rest_squares.value());
  const double frobenius_error = frobenius > 0.0 ? 0.5 * rest_squares.error() / frobenius : 0.0;
  return {value, rest.error(), 2 * sketch + probes, frobenius, frobenius_error};
}

}  // namespace flatsweep
