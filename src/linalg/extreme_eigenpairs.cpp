#include "flatsweep/base/error.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/base/numbers.hpp"
#include "flatsweep/base/random.hpp"
#include "flatsweep/linalg/entries.hpp"
#include "flatsweep/linalg/petsc_error.hpp"
#include "flatsweep/linalg/symmetric_eigen.hpp"
#include "missed_pairs.hpp"
#include "shell_operator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace flatsweep {

namespace {

/// One end of the spectrum and how it is asked for.
struct End {
  const char* name;
  EPSWhich which;
  Outermost outermost;
};
constexpr End largest = {"leading", EPS_LARGEST_REAL, Outermost::largest};
constexpr End smallest = {"smallest", EPS_SMALLEST_REAL, Outermost::smallest};

/// What |Av - lv| is measured against: SLEPc's own test, against each eigenvalue itself, could never be met by the zero
/// eigenvalues of a semi-definite operator.
struct Scale {
  double value = 0.0;  // given, or the largest Ritz value so far, which approaches the largest |l| from below
};

PetscErrorCode error_estimate(EPS, PetscScalar value, PetscScalar, PetscReal residual, PetscReal* error,
                              void* context) {
  auto& scale = *static_cast<Scale*>(context);
  scale.value = std::max(scale.value, std::abs(value));
  *error = scale.value > 0.0 ? residual / scale.value : residual;
  return 0;
}

/// First what the user asks of all solves, then what of those at this end.
void read_options(EPS eps, const End& end) {
  check_petsc(EPSSetFromOptions(eps), "reading the eigensolver's options");
  check_petsc(EPSSetOptionsPrefix(eps, fmt::format("{}_", end.name).c_str()), "naming the eigensolver");
  check_petsc(EPSSetFromOptions(eps), "reading the eigensolver's options");
}

// The solver aims at half the tolerance, so that rounding does not spoil the check of the explicit residuals.
EpsHandle configure_solver(const Communicator& comm, const ShellOperator& op, const End& end, int count, Scale& scale,
                           double tolerance) {
  EpsHandle eps;
  check_petsc(EPSCreate(comm.get(), eps.put()), "creating the eigensolver");
  check_petsc(EPSSetOperators(eps.get(), op.matrix(), nullptr), "giving the eigensolver its operator");
  check_petsc(EPSSetProblemType(eps.get(), EPS_HEP), "declaring the problem symmetric");
  check_petsc(EPSSetType(eps.get(), EPSKRYLOVSCHUR), "choosing Krylov-Schur");
  check_petsc(EPSSetWhichEigenpairs(eps.get(), end.which), "choosing the end of the spectrum");
  check_petsc(EPSSetDimensions(eps.get(), count, PETSC_DEFAULT, PETSC_DEFAULT), "setting the number of eigenpairs");
  check_petsc(EPSSetTolerances(eps.get(), 0.5 * tolerance, PETSC_DEFAULT), "setting the tolerance");
  check_petsc(EPSSetConvergenceTestFunction(eps.get(), error_estimate, &scale, nullptr),
              "setting the convergence test");
  const VecHandle start = op.random_vector();
  Vec first = start.get();
  check_petsc(EPSSetInitialSpace(eps.get(), 1, &first), "setting the start vector");
  read_options(eps.get(), end);
  return eps;
}

/// @return how many pairs converged, at most `count`
int solve_end(const EpsHandle& eps, const ShellOperator& op, const End& end, int count, Shortage shortage) {
  const int code = EPSSolve(eps.get());
  op.rethrow();
  check_petsc(code, "solving for eigenpairs");
  PetscInt converged = 0;
  PetscInt iterations = 0;
  check_petsc(EPSGetConverged(eps.get(), &converged), "asking for the number of eigenpairs");
  check_petsc(EPSGetIterationNumber(eps.get(), &iterations), "asking for the number of iterations");
  if (converged >= count) return count;
  if (shortage == Shortage::marked) return converged;
  throw SolverError(fmt::format(
      "the eigensolver found {} of {} {} eigenpairs in {} iterations; loosen the tolerance or give it more room with "
      "-{}_eps_ncv and -{}_eps_max_it",
      converged, count, end.name, iterations, end.name, end.name));
}

/// NaN behind those that converged.
EigenPairs read_pairs(const Communicator& comm, const EpsHandle& eps, const ShellOperator& op, int count,
                      int converged) {
  const int n = op.size();
  EigenPairs pairs{Eigen::VectorXd::Constant(count, nan), Eigen::MatrixXd::Constant(n, count, nan),
                   Eigen::VectorXd::Constant(count, nan)};
  const VecHandle vector = op.vector();
  for (int i = 0; i < converged; ++i) {
    check_petsc(EPSGetEigenpair(eps.get(), i, &pairs.values(i), nullptr, vector.get(), nullptr),
                "reading an eigenpair");
    op.gather(vector.get(), std::span(pairs.vectors.col(i).data(), n));
  }
  comm.broadcast(entries(pairs.values).first(count));
  return pairs;
}

void measure_residuals(const ShellOperator& op, EigenPairs& pairs, int converged) {
  const std::size_t n = pairs.vectors.rows();
  Eigen::VectorXd product(pairs.vectors.rows());
  for (Index i = 0; i < converged; ++i) {
    op.apply({pairs.vectors.col(i).data(), n}, {product.data(), n});
    pairs.residuals(i) = (product - pairs.values(i) * pairs.vectors.col(i)).norm();
  }
}

/// The residuals as the Krylov space has them, without a product: A V = V T + v b^T makes |A u - l u| = |b . y| of the
/// Ritz pair u = V y.
void read_residuals(const EpsHandle& eps, double scale, EigenPairs& pairs, int converged) {
  for (int i = 0; i < converged; ++i) {
    PetscReal error = 0.0;
    check_petsc(EPSGetErrorEstimate(eps.get(), i, &error), "reading the error of an eigenpair");
    pairs.residuals(i) = error * scale;
  }
}

/// One product shows whether those residuals hold: with c_i between 1 and 2, of no pattern, A sum c_i u_i - sum c_i l_i
/// u_i is no longer than sum c_i |A u_i - l_i u_i|. Where products err by more, in single precision or near rounding,
/// it is longer.
bool residuals_hold(const ShellOperator& op, const EigenPairs& pairs, int converged) {
  Random random(converged, RandomPurpose::solver);
  Eigen::VectorXd weights(converged);
  for (auto& weight : weights) weight = random.uniform(1.0, 2.0);
  const auto vectors = pairs.vectors.leftCols(converged);
  const auto values = pairs.values.head(converged);
  const Eigen::VectorXd sum = vectors * weights;
  Eigen::VectorXd product(sum.size());
  op.apply(entries(sum), entries(product));
  product -= vectors * values.cwiseProduct(weights);
  return product.norm() <= weights.dot(pairs.residuals.head(converged));
}

/// The first pair whose residual is too large and all behind it do not count as converged.
void mark_from_first_bad(EigenPairs& pairs, double bound) {
  Index good = 0;
  while (good < pairs.residuals.size() && pairs.residuals(good) <= bound) ++good;
  const Index bad = pairs.residuals.size() - good;
  pairs.values.tail(bad).setConstant(nan);
  pairs.residuals.tail(bad).setConstant(nan);
  pairs.vectors.rightCols(bad).setConstant(nan);
}

void check_residuals(const EigenPairs& pairs, const End& end, double scale, double tolerance) {
  const double worst = pairs.residuals.maxCoeff();
  if (worst <= tolerance * scale) return;  // also false for NaN
  throw SolverError(
      fmt::format("the residual {:.3g} of one of the {} eigenpairs exceeds {:.3g} times {:.6g}; loosen the tolerance",
                  worst, end.name, tolerance, scale));
}

EigenPairs extreme_eigenpairs(const Communicator& comm, const SymmetricOperator& apply, int n, int count,
                              const End& end, Scale scale, double tolerance, Shortage shortage) {
  if (count < 1 || count >= n)
    throw SolverError(
        fmt::format("the number of {} eigenpairs, {}, must lie between 1 and {}", end.name, count, n - 1));
  const ShellOperator op(comm, apply, n);
  const EpsHandle eps = configure_solver(comm, op, end, count, scale, tolerance);
  const int converged = solve_end(eps, op, end, count, shortage);
  EigenPairs pairs = read_pairs(comm, eps, op, count, converged);
  read_residuals(eps, scale.value, pairs, converged);
  if (converged > 0 && !residuals_hold(op, pairs, converged)) measure_residuals(op, pairs, converged);
  // A copy of the one that is wanted would change nothing.
  if (count > 1) take_in_missed(comm, apply, end.outermost, scale.value, tolerance, pairs, converged);
  if (shortage == Shortage::marked)
    mark_from_first_bad(pairs, tolerance * scale.value);
  else
    check_residuals(pairs, end, scale.value, tolerance);
  return pairs;
}

}  // namespace

EigenPairs leading_eigenpairs(const Communicator& comm, const SymmetricOperator& apply, int n, int count,
                              double tolerance, Shortage shortage) {
  return extreme_eigenpairs(comm, apply, n, count, largest, {}, tolerance, shortage);
}

EigenPairs leading_eigenpairs(const SymmetricOperator& apply, int n, int count, double tolerance) {
  return leading_eigenpairs(Communicator::self(), apply, n, count, tolerance);
}

EigenPairs smallest_eigenpairs(const Communicator& comm, const SymmetricOperator& apply, int n, int count, double scale,
                               double tolerance, Shortage shortage) {
  return extreme_eigenpairs(comm, apply, n, count, smallest, {scale}, tolerance, shortage);
}

Eigen::MatrixXd apply_to_columns(const SymmetricOperator& apply, const Eigen::Ref<const Eigen::MatrixXd>& columns) {
  Eigen::MatrixXd products(columns.rows(), columns.cols());
  const std::size_t n = columns.rows();
  for (Index i = 0; i < columns.cols(); ++i) apply({columns.col(i).data(), n}, {products.col(i).data(), n});
  return products;
}

Index converged_pairs(const EigenPairs& pairs) {
  const auto* end = pairs.values.data() + pairs.values.size();
  return std::find_if_not(pairs.values.data(), end, [](double v) { return std::isfinite(v); }) - pairs.values.data();
}

}  // namespace flatsweep
