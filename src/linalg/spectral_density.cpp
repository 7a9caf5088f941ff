#include "flatsweep/linalg/spectral_density.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/index.hpp"
#include "probe.hpp"

#include <Eigen/Eigenvalues>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <span>

namespace flatsweep {

namespace {

constexpr double margin = 3.0;  // widths beside the outermost nodes

/// Gauss quadrature of one probe's spectral measure.
struct Quadrature {
  Eigen::VectorXd nodes, weights;
};

/// Diagonal and subdiagonal of the Lanczos matrix; the last subdiagonal entry leads out of the Krylov space.
struct Lanczos {
  Eigen::VectorXd diagonal, subdiagonal;
  Index steps = 0;
};

void orthogonalise(const Eigen::MatrixXd& basis, Index count, Eigen::VectorXd& vector) {
  const auto known = basis.leftCols(count);
  for (int pass = 0; pass < 2; ++pass) vector -= known * (known.transpose() * vector).eval();
}

/// Twice orthogonalised against all vectors before, so that no copy of an eigenvalue comes up. Ends early when the
/// Krylov space is invariant.
Lanczos run_lanczos(const SymmetricOperator& apply, Eigen::VectorXd vector, Index steps) {
  const Index n = vector.size();
  Lanczos found{Eigen::VectorXd::Zero(steps), Eigen::VectorXd::Zero(steps)};
  Eigen::MatrixXd basis(n, steps);
  Eigen::VectorXd product(n);
  double largest = 0.0;  // |A| as met so far
  for (Index j = 0; j < steps; ++j) {
    basis.col(j) = vector.normalized();
    apply(std::span(basis.col(j).data(), n), std::span(product.data(), n));
    const double norm = product.norm();
    if (!std::isfinite(norm))
      throw SolverError("a product with the operator is not finite; look for a run that diverged");
    largest = std::max(largest, norm);
    found.diagonal(j) = basis.col(j).dot(product);
    orthogonalise(basis, j + 1, product);
    vector = product;
    found.subdiagonal(j) = vector.norm();
    found.steps = j + 1;
    if (found.subdiagonal(j) <= n * std::numeric_limits<double>::epsilon() * largest) break;
  }
  return found;
}

Quadrature quadrature_of(const Lanczos& lanczos) {
  Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver;
  const Index m = lanczos.steps;
  solver.computeFromTridiagonal(lanczos.diagonal.head(m), lanczos.subdiagonal.head(m - 1));
  if (solver.info() != Eigen::Success) throw SolverError("the Lanczos matrix of a spectral density was not solved");
  return {solver.eigenvalues(), solver.eigenvectors().row(0).cwiseAbs2().transpose()};
}

/// The mean over probes of Gaussians at the nodes.
void smooth(SpectralDensity& result, double least, double largest, const DensityOptions& options) {
  const double range = largest - least;
  const double fallback = range > 0.0 ? range / 200.0 : std::max(std::abs(largest), 1.0) / 200.0;
  result.width = options.width > 0.0 ? options.width : fallback;
  result.grid =
      Eigen::VectorXd::LinSpaced(options.points, least - margin * result.width, largest + margin * result.width);
  result.density = Eigen::VectorXd::Zero(options.points);
  const double height = 1.0 / (result.width * std::sqrt(2.0 * std::numbers::pi) * options.probes);
  for (Index i = 0; i < result.nodes.size(); ++i) {
    const auto away = (result.grid.array() - result.nodes.reshaped()(i)) / result.width;
    result.density.array() += height * result.weights.reshaped()(i) * (-0.5 * away.square()).exp();
  }
}

void check(int n, const DensityOptions& options) {
  if (n < 1 || options.probes < 1 || options.steps < 1 || options.points < 2)
    throw SolverError("a spectral density needs at least one probe, one step and two points");
}

}  // namespace

double SpectralDensity::moment(int order) const {
  return (weights.array() * nodes.array().pow(order)).sum() / nodes.rows();
}

SpectralDensity spectral_density(const SymmetricOperator& apply, int n, const DensityOptions& options) {
  check(n, options);
  const Index steps = std::min(options.steps, n);
  SpectralDensity result;
  result.nodes = Eigen::MatrixXd::Zero(options.probes, steps);
  result.weights = Eigen::MatrixXd::Zero(options.probes, steps);
  double least = std::numeric_limits<double>::infinity(), largest = -least;
  for (int probe = 0; probe < options.probes; ++probe) {
    const auto found =
        quadrature_of(run_lanczos(apply, random_signs(n, options.seed, ProbeUse::density, probe), steps));
    result.nodes.row(probe).head(found.nodes.size()) = found.nodes.transpose();
    result.weights.row(probe).head(found.nodes.size()) = found.weights.transpose();
    least = std::min(least, found.nodes(0));
    largest = std::max(largest, found.nodes.tail(1)(0));
  }
  smooth(result, least, largest, options);
  return result;
}

}  // namespace flatsweep
