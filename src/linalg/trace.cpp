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
  for (int i = 0; i < n; ++i) trace.value += product(apply, Eigen::VectorXd::Unit(n, i))(i);
  return trace;
}

/// An orthonormal basis (n, count) of the span of A S, S of random signs.
Eigen::MatrixXd sketch_range(const SymmetricOperator& apply, int n, int count, std::int64_t seed) {
  Eigen::MatrixXd range(n, count);
  for (int i = 0; i < count; ++i) range.col(i) = product(apply, random_signs(n, seed, ProbeUse::trace_sketch, i));
  return orthonormal_basis(range);
}

}  // namespace

TraceEstimate estimate_trace(const SymmetricOperator& apply, int n, int products, std::int64_t seed) {
  if (n < 1 || products < 6) throw SolverError("a trace is estimated with at least six products");
  if (products >= n) return exact_trace(apply, n);
  const int sketch = products / 3, probes = products - 2 * sketch;
  const Eigen::MatrixXd basis = sketch_range(apply, n, sketch, seed);
  double value = 0.0;
  for (Index i = 0; i < sketch; ++i) value += basis.col(i).dot(product(apply, basis.col(i)));
  double sum = 0.0, squares = 0.0;
  for (int i = 0; i < probes; ++i) {
    Eigen::VectorXd probe = random_signs(n, seed, ProbeUse::trace_rest, i);
    probe -= basis * (basis.transpose() * probe).eval();
    const double sample = probe.dot(product(apply, probe));
    sum += sample;
    squares += sample * sample;
  }
  const double mean = sum / probes, variance = std::max(0.0, squares / probes - mean * mean);
  value += mean;
  if (!std::isfinite(value)) throw SolverError("an estimated trace is not finite; look for a run that diverged");
  return {value, std::sqrt(variance / (probes - 1)), 2 * sketch + probes};
}

}  // namespace flatsweep
