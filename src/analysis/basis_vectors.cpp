#include "flatsweep/analysis/basis_vectors.hpp"

#include "curvature_parts.hpp"
#include "flatsweep/analysis/gradient_moments.hpp"
#include "flatsweep/analysis/layer_hessian.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/base/numbers.hpp"
#include "flatsweep/base/random.hpp"
#include "flatsweep/linalg/orthonormal_basis.hpp"
#include "flatsweep/linalg/symmetric_eigen.hpp"
#include "flatsweep/linalg/to_vector.hpp"
#include "flatsweep/par/agreement.hpp"

#include <algorithm>

namespace flatsweep {

namespace {

/// Jacobians and gradients are in single precision: below this share of the largest eigenvalue nothing means anything
/// (docs/science/curvature.md).
constexpr double null_share = 1e-7;

BasisVectors basis_of(EigenPairs pairs) {
  BasisVectors basis;
  basis.eigenvalue = to_vector(pairs.values);
  basis.vectors = std::move(pairs.vectors);
  const double least = basis.eigenvalue.empty() ? 0.0 : null_share * basis.eigenvalue.front();
  basis.determined =
      std::ranges::count_if(basis.eigenvalue, [&](double value) { return value > least && value > 0.0; });
  return basis;
}

std::int64_t size_of(const CurvatureProblem& problem) { return std::ssize(problem.network.layers[problem.layer]); }

BasisVectors leading_basis(const Communicator& team, const CurvatureProblem& problem, CurvatureKind kind,
                           const BasisOptions& options, const std::function<void()>& checkpoint) {
  auto matrix = matrix_of(team, problem, kind);
  const auto product = [&](std::span<const double> x, std::span<double> y) {
    if (checkpoint) agree(team, checkpoint);
    matrix.apply(x, y);
  };
  const auto size = size_of(problem);
  auto pairs =
      leading_eigenpairs(team, product, size, std::min(options.modes, size - 1), options.tolerance, Shortage::marked);
  const Index converged = converged_pairs(pairs);
  if (converged == 0)
    throw_error(ErrorKind::solver, "no eigenvector of the basis converged; raise bases.tolerance", true);
  pairs.values.conservativeResize(converged);
  pairs.vectors.conservativeResize(Eigen::NoChange, converged);
  return basis_of(std::move(pairs));
}

}  // namespace

BasisVectors hessian_basis(const Communicator& team, const CurvatureProblem& problem, const BasisOptions& options,
                           const std::function<void()>& checkpoint) {
  if (size_of(problem) > options.dense_limit)
    return leading_basis(team, problem, hessian_kind(problem), options, checkpoint);
  auto expansion = expand_loss(team, problem.network, problem.weights, problem.layer, problem.set);
  if (checkpoint) agree(team, checkpoint);
  return basis_of(eigen_symmetric(team, std::move(expansion.hessian)));
}

BasisVectors noise_basis(const Communicator& team, const CurvatureProblem& problem, const BasisOptions& options,
                         const std::function<void()>& checkpoint) {
  if (size_of(problem) > options.dense_limit)
    return leading_basis(team, problem, CurvatureKind::noise_covariance, options, checkpoint);
  const auto moments = gradient_moments(team, problem.network, problem.weights, problem.layer, problem.set);
  if (checkpoint) agree(team, checkpoint);
  return basis_of(eigen_symmetric(team, moments.noise_covariance(problem.scheme.value())));
}

namespace {

Eigen::MatrixXd normal_columns(std::int64_t size, std::int64_t count, std::int64_t seed, int layer) {
  Random random(seed, RandomPurpose::simulation, layer);
  Eigen::MatrixXd columns(size, std::min(size, count));
  for (auto& entry : columns.reshaped()) entry = random.normal();
  return columns;
}

BasisVectors without_matrix(Eigen::MatrixXd vectors) {
  BasisVectors basis;
  basis.vectors = std::move(vectors);
  basis.eigenvalue.assign(basis.vectors.cols(), nan);
  basis.determined = basis.vectors.cols();
  return basis;
}

}  // namespace

BasisVectors random_basis(std::int64_t size, std::int64_t count, std::int64_t seed, int layer) {
  return without_matrix(orthonormal_basis(normal_columns(size, count, seed, layer)));
}

BasisVectors filter_basis(std::span<const float> solution, int outputs, std::int64_t count, std::int64_t seed,
                          int layer) {
  const Index inputs = std::ssize(solution) / outputs;
  const Eigen::VectorXd weights = Eigen::VectorXf::Map(solution.data(), std::ssize(solution)).cast<double>();
  auto vectors = normal_columns(std::ssize(solution), count, seed, layer);
  for (Index filter = 0; filter < outputs; ++filter) {
    const double norm = weights.segment(filter * inputs, inputs).norm();
    auto rows = vectors.middleRows(filter * inputs, inputs);
    for (auto part : rows.colwise()) part *= norm / part.norm();
  }
  for (auto u : vectors.colwise()) u.normalize();
  return without_matrix(std::move(vectors));
}

}  // namespace flatsweep
