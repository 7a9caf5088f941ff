#include "flatsweep/base/error.hpp"
#include "flatsweep/base/handle.hpp"
#include "flatsweep/base/random.hpp"
#include "flatsweep/linalg/petsc_error.hpp"
#include "flatsweep/linalg/symmetric_eigen.hpp"

#include <slepceps.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <string>

namespace flatsweep {

namespace {

// One traits type serves all PETSc objects: they are pointers with a destroy function of the same shape.
template <class T, PetscErrorCode (*Destroy)(T*)>
struct PetscTraits {
  static T empty() { return nullptr; }
  static void destroy(T& object) noexcept { Destroy(&object); }
};
using VecHandle = Handle<Vec, PetscTraits<Vec, VecDestroy>>;
using MatHandle = Handle<Mat, PetscTraits<Mat, MatDestroy>>;
using EpsHandle = Handle<EPS, PetscTraits<EPS, EPSDestroy>>;

// What the C callbacks see. An exception of `apply` waits here until SLEPc has returned.
struct Problem {
  const SymmetricOperator& apply;
  int n;
  double largest = 0.0;  // largest Ritz value so far, which approaches the largest eigenvalue from below
  std::exception_ptr thrown;
};

PetscErrorCode call_apply(Problem& problem, const double* x, double* y) noexcept {
  const auto n = static_cast<std::size_t>(problem.n);
  try {
    problem.apply(std::span<const double>(x, n), std::span<double>(y, n));
    return 0;
  } catch (...) {
    problem.thrown = std::current_exception();
    return PETSC_ERR_LIB;
  }
}

PetscErrorCode multiply(Mat matrix, Vec x, Vec y) {
  Problem* problem = nullptr;
  const double* in = nullptr;
  double* out = nullptr;
  if (const auto code = MatShellGetContext(matrix, &problem)) return code;
  if (const auto code = VecGetArrayRead(x, &in)) return code;
  if (const auto code = VecGetArrayWrite(y, &out)) return code;
  const PetscErrorCode result = call_apply(*problem, in, out);
  if (const auto code = VecRestoreArrayWrite(y, &out)) return code;
  if (const auto code = VecRestoreArrayRead(x, &in)) return code;
  return result;
}

// |Av - lv| is measured against the largest eigenvalue: SLEPc's own test, against each eigenvalue itself, could never
// be met by the zero eigenvalues of a semi-definite operator.
PetscErrorCode error_estimate(EPS, PetscScalar value, PetscScalar, PetscReal residual, PetscReal* error,
                              void* context) {
  auto& problem = *static_cast<Problem*>(context);
  problem.largest = std::max(problem.largest, std::abs(value));
  *error = problem.largest > 0.0 ? residual / problem.largest : residual;
  return 0;
}

VecHandle start_vector(int n) {
  VecHandle vector;
  check_petsc(VecCreateSeq(PETSC_COMM_SELF, n, vector.put()), "creating the start vector");
  double* values = nullptr;
  check_petsc(VecGetArrayWrite(vector.get(), &values), "filling the start vector");
  Random random(n, RandomPurpose::solver);
  for (int i = 0; i < n; ++i) values[i] = random.normal();
  check_petsc(VecRestoreArrayWrite(vector.get(), &values), "filling the start vector");
  return vector;
}

MatHandle shell_matrix(Problem& problem) {
  MatHandle matrix;
  check_petsc(MatCreateShell(PETSC_COMM_SELF, problem.n, problem.n, problem.n, problem.n, &problem, matrix.put()),
              "creating the operator");
  check_petsc(MatShellSetOperation(matrix.get(), MATOP_MULT, reinterpret_cast<void (*)(void)>(multiply)),
              "setting the operator's product");
  return matrix;
}

// The solver aims at half the tolerance, so that rounding does not spoil the check of the explicit residuals.
EpsHandle configure_solver(Problem& problem, const MatHandle& matrix, const VecHandle& start, int count,
                           double tolerance) {
  EpsHandle eps;
  check_petsc(EPSCreate(PETSC_COMM_SELF, eps.put()), "creating the eigensolver");
  check_petsc(EPSSetOperators(eps.get(), matrix.get(), nullptr), "giving the eigensolver its operator");
  check_petsc(EPSSetProblemType(eps.get(), EPS_HEP), "declaring the problem symmetric");
  check_petsc(EPSSetType(eps.get(), EPSKRYLOVSCHUR), "choosing Krylov-Schur");
  check_petsc(EPSSetWhichEigenpairs(eps.get(), EPS_LARGEST_REAL), "asking for the largest eigenvalues");
  check_petsc(EPSSetDimensions(eps.get(), count, PETSC_DEFAULT, PETSC_DEFAULT), "setting the number of eigenpairs");
  check_petsc(EPSSetTolerances(eps.get(), 0.5 * tolerance, PETSC_DEFAULT), "setting the tolerance");
  check_petsc(EPSSetConvergenceTestFunction(eps.get(), error_estimate, &problem, nullptr),
              "setting the convergence test");
  Vec first = start.get();
  check_petsc(EPSSetInitialSpace(eps.get(), 1, &first), "setting the start vector");
  check_petsc(EPSSetFromOptions(eps.get()), "reading the eigensolver's options");
  return eps;
}

void solve(const EpsHandle& eps, const Problem& problem, int count) {
  const int code = EPSSolve(eps.get());
  if (problem.thrown) std::rethrow_exception(problem.thrown);
  check_petsc(code, "solving for the leading eigenpairs");
  PetscInt converged = 0;
  PetscInt iterations = 0;
  check_petsc(EPSGetConverged(eps.get(), &converged), "asking for the number of eigenpairs");
  check_petsc(EPSGetIterationNumber(eps.get(), &iterations), "asking for the number of iterations");
  if (converged >= count) return;
  throw SolverError("the eigensolver found " + std::to_string(converged) + " of " + std::to_string(count) +
                    " eigenpairs in " + std::to_string(iterations) +
                    " iterations; loosen the tolerance or give it more room with -eps_ncv and -eps_max_it");
}

EigenPairs read_pairs(const EpsHandle& eps, int n, int count) {
  EigenPairs pairs{Eigen::VectorXd(count), Eigen::MatrixXd(n, count), Eigen::VectorXd(count)};
  for (int i = 0; i < count; ++i) {
    VecHandle vector;
    check_petsc(VecCreateSeqWithArray(PETSC_COMM_SELF, 1, n, pairs.vectors.col(i).data(), vector.put()),
                "wrapping an eigenvector");
    check_petsc(EPSGetEigenpair(eps.get(), i, &pairs.values(i), nullptr, vector.get(), nullptr),
                "reading an eigenpair");
  }
  return pairs;
}

void measure_residuals(const SymmetricOperator& apply, EigenPairs& pairs) {
  const auto n = static_cast<std::size_t>(pairs.vectors.rows());
  Eigen::VectorXd product(pairs.vectors.rows());
  for (Eigen::Index i = 0; i < pairs.values.size(); ++i) {
    apply(std::span<const double>(pairs.vectors.col(i).data(), n), std::span<double>(product.data(), n));
    pairs.residuals(i) = (product - pairs.values(i) * pairs.vectors.col(i)).norm();
  }
}

void check_residuals(const EigenPairs& pairs, double tolerance) {
  const double scale = std::abs(pairs.values(0));
  const double worst = pairs.residuals.maxCoeff();
  if (worst <= tolerance * scale) return;  // also false for NaN
  throw SolverError("an eigenpair's residual " + std::to_string(worst) + " exceeds " + std::to_string(tolerance) +
                    " times the largest eigenvalue " + std::to_string(scale) + "; loosen the tolerance");
}

}  // namespace

EigenPairs leading_eigenpairs(const SymmetricOperator& apply, int n, int count, double tolerance) {
  if (count < 1 || count >= n)
    throw SolverError("the number of leading eigenpairs, " + std::to_string(count) + ", must lie between 1 and " +
                      std::to_string(n - 1));
  Problem problem{apply, n, 0.0, nullptr};
  const MatHandle matrix = shell_matrix(problem);
  const VecHandle start = start_vector(n);
  const EpsHandle eps = configure_solver(problem, matrix, start, count, tolerance);
  solve(eps, problem, count);
  EigenPairs pairs = read_pairs(eps, n, count);
  measure_residuals(apply, pairs);
  check_residuals(pairs, tolerance);
  return pairs;
}

}  // namespace flatsweep
