// Second derivatives of the loss three ways, and what must hold of their spectra.
#include "flatsweep/analysis/basis_vectors.hpp"
#include "flatsweep/analysis/curvature_operator.hpp"
#include "flatsweep/analysis/layer_hessian.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/linalg/entries.hpp"
#include "flatsweep/linalg/symmetric_eigen.hpp"
#include "flatsweep/par/agreement.hpp"
#include "selftest_groups.hpp"
#include "selftest_problem.hpp"

#include <algorithm>
#include <optional>

namespace flatsweep {

namespace {

constexpr int middle = 1;  // fc2 of the perceptron

// Of a few products in single precision, summed over 71 samples.
constexpr double single_precision = 5e-6;

LayerExpansion expand(const Communicator& world, const SelfTestProblem& problem, int layer) {
  return expand_loss(world, problem.network(), problem.weights(), layer, problem.images());
}

double relative_difference(const Eigen::MatrixXd& a, const Eigen::MatrixXd& b) {
  return (a - b).cwiseAbs().maxCoeff() / b.cwiseAbs().maxCoeff();
}

// Steps of 1e-4 leave rounding of 1e-16/1e-8 and a truncation of 1e-8 in losses of order 1.
constexpr double step = 1e-4;

Eigen::VectorXd gradient_by_differences(const SelfTestProblem& problem) {
  const Index n = std::ssize(problem.layer(middle));
  Eigen::VectorXd gradient(n);
  for (Index i = 0; i < n; ++i) {
    const Eigen::VectorXd d = step * Eigen::VectorXd::Unit(n, i);
    gradient(i) = (problem.plain_loss(middle, d) - problem.plain_loss(middle, -d)) / (2.0 * step);
  }
  return gradient;
}

Eigen::MatrixXd hessian_by_differences(const SelfTestProblem& problem) {
  const Index n = std::ssize(problem.layer(middle));
  const auto loss = [&](Index i, double di, Index j, double dj) {
    const Eigen::VectorXd d = di * Eigen::VectorXd::Unit(n, i) + dj * Eigen::VectorXd::Unit(n, j);
    return problem.plain_loss(middle, d);
  };
  Eigen::MatrixXd hessian(n, n);
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j <= i; ++j) {
      hessian(i, j) =
          (loss(i, step, j, step) - loss(i, step, j, -step) - loss(i, -step, j, step) + loss(i, -step, j, -step)) /
          (4.0 * step * step);
      hessian(j, i) = hessian(i, j);
    }
  return hessian;
}

Eigen::MatrixXd matrix_of(CurvatureOperator& op) {
  return apply_to_columns(op.product(), Eigen::MatrixXd::Identity(op.size(), op.size()));
}

/// Largest difference between operator and closed form over all layers.
double operator_difference(const Communicator& world, const SelfTestProblem& problem, CurvatureKind kind) {
  double worst = 0.0;
  for (int layer = 0; layer < std::ssize(problem.network().layers); ++layer) {
    CurvatureOperator op(world, problem.network(), problem.weights(), problem.images(), kind, layer);
    worst = std::max(worst, relative_difference(matrix_of(op), expand(world, problem, layer).hessian));
  }
  return worst;
}

/// How far second differences along the vectors of the basis `hessian` are from its eigenvalues, and from nothing
/// between two of them.
double basis_difference(const Communicator& world, const SelfTestProblem& problem, const Eigen::MatrixXd& differences) {
  const auto basis = hessian_basis(
      world, {problem.network(), problem.weights(), middle, problem.images(), std::nullopt}, BasisOptions{});
  const auto values = Eigen::VectorXd::Map(basis.eigenvalue.data(), std::ssize(basis.eigenvalue));
  return relative_difference(basis.vectors.transpose() * differences * basis.vectors, values.asDiagonal());
}

/// Most negative eigenvalues of H_lnL that any layer has, rounding apart.
int most_negative(const Communicator& world, const SelfTestProblem& problem) {
  int most = 0;
  for (int layer = 0; layer < std::ssize(problem.network().layers); ++layer) {
    const auto values = eigen_symmetric(world, expand(world, problem, layer).log_loss_hessian()).values;
    most = std::max<int>(most, (values.array() < -1e-9 * values(0)).count());
  }
  return most;
}

/// Eigenvalues of the output layer that are zero, up to the Jacobians' single precision.
int zero_modes(const Communicator& world, const SelfTestProblem& problem, int layer) {
  const auto values = eigen_symmetric(world, expand(world, problem, layer).hessian).values;
  return (values.array().abs() < 1e-7 * values(0)).count();
}

double leading_difference(const Communicator& world, const SelfTestProblem& problem, const Eigen::MatrixXd& hessian) {
  CurvatureOperator op(world, problem.network(), problem.weights(), problem.images(), CurvatureKind::hessian, middle);
  constexpr int count = 5;
  EigenPairs pairs;
  agree(world, [&] { pairs = leading_eigenpairs(world, op.product(), op.size(), count, single_precision); });
  const auto dense = eigen_symmetric(hessian).values;
  return (pairs.values - dense.head(count)).cwiseAbs().maxCoeff() / dense(0);
}

}  // namespace

std::vector<Check> curvature_checks(const Communicator& world) {
  const SelfTestProblem dense(SelfTestProblem::perceptron()), convolutional(SelfTestProblem::convolutions());
  const auto closed = expand(world, dense, middle);
  const auto differences = hessian_by_differences(dense);
  const auto values = eigen_symmetric(world, closed.hessian).values;
  const int last = dense.network().layers.size() - 1;
  const auto both = [&](auto measure) { return std::max(measure(dense), measure(convolutional)); };
  const auto from_operator = [&](CurvatureKind kind) {
    return both([&](const SelfTestProblem& problem) { return operator_difference(world, problem, kind); });
  };
  const auto negative = both([&](const SelfTestProblem& problem) { return most_negative(world, problem); });
  return {{"gradient of fc2 against central differences, relative", 0.0,
           relative_difference(closed.gradient, gradient_by_differences(dense)), single_precision, "differences"},
          {"Hessian of fc2, closed form against second differences", 0.0,
           relative_difference(closed.hessian, differences), 2 * single_precision, "differences"},
          {"second differences of fc2 along the basis hessian", 0.0, basis_difference(world, dense, differences),
           2 * single_precision, "differences"},
          {"Hessian, matrix-free against closed form, 7 layers", 0.0, from_operator(CurvatureKind::hessian),
           single_precision, "SI S3, Pearlmutter"},
          {"Gauss-Newton (true Fisher) of a layer against its Hessian", 0.0, from_operator(CurvatureKind::gauss_newton),
           single_precision, "ReLU: equal"},
          {"sum of the eigenvalues over the trace", 1.0, values.sum() / closed.hessian.trace(), 1e-12, "trace"},
          {"Krylov-Schur on the operator, leading 5, against dense", 0.0,
           leading_difference(world, dense, closed.hessian), single_precision, "dense solve"},
          {"zero eigenvalues of the output layer: one for each input", 1.0 * dense.layer(last).inputs,
           1.0 * zero_modes(world, dense, last), 0.0, "softmax", Bound::at_least},
          {"negative eigenvalues of the Hessian of ln L, worst layer", 1.0, 1.0 * negative, 0.0, "H/L - g g^T/L^2",
           Bound::at_most}};
}

}  // namespace flatsweep
