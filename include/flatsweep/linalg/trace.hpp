#pragma once

#include "flatsweep/linalg/symmetric_eigen.hpp"

#include <cstdint>

namespace flatsweep {

/// An estimated trace, and the Frobenius norm that the same products give.
struct TraceEstimate {
  double value = 0.0;
  double error = 0.0;      ///< standard error; 0 where the trace is exact
  int products = 0;        ///< with the operator
  double frobenius = 0.0;  ///< |A|_F = sqrt(sum_i |A q_i|^2 + <|A v|^2>), v random signs less their part along the q_i
  double frobenius_error = 0.0;  ///< its standard error
};

/// tr A by Hutch++ (Meyer, Musco, Musco and Woodruff 2021): exact on the span of A S for a third of the products, and
/// by random signs on what is left. Exact when `products` reaches n, and to rounding when a third of them reaches the
/// rank of A.
/// @param apply symmetric, not necessarily positive; called alike on every rank that calls this, its result bitwise the
/// same there   @param products at least 6   @throws SolverError
[[nodiscard]] TraceEstimate estimate_trace(const SymmetricOperator& apply, int n, int products, std::int64_t seed);

}  // namespace flatsweep
