// The three eigen-solvers on a matrix whose spectrum is known, lambda_i = 1/i^2.
#include "flatsweep/base/index.hpp"
#include "flatsweep/base/random.hpp"
#include "flatsweep/linalg/symmetric_eigen.hpp"
#include "flatsweep/par/agreement.hpp"
#include "selftest_groups.hpp"

#include <fmt/format.h>

namespace flatsweep {

namespace {

Eigen::VectorXd spectrum(Index n) { return Eigen::ArrayXd::LinSpaced(n, 1.0, n).pow(-2.0); }

/// A -> (I - 2 v v^T) A (I - 2 v v^T), which keeps the spectrum.
void reflect(Eigen::MatrixXd& matrix, Random& random) {
  Eigen::VectorXd v(matrix.rows());
  for (double& x : v) x = random.normal();
  v.normalize();
  const Eigen::VectorXd w = matrix * v;
  matrix.noalias() += (4.0 * v.dot(w) * v - 2.0 * w) * v.transpose();
  matrix.noalias() -= 2.0 * v * w.transpose();
}

Eigen::MatrixXd matrix_with_spectrum(Index n) {
  Random random(n, RandomPurpose::simulation);
  Eigen::MatrixXd matrix = spectrum(n).asDiagonal();
  for (int times = 0; times < 2; ++times) reflect(matrix, random);
  return matrix;
}

/// Rounding of a backward stable solver is a small multiple of n eps |A|.
double rounding(Index n) { return 10.0 * n * 2.2e-16; }

double largest_error(const EigenPairs& pairs, Index n) {
  return (pairs.values - spectrum(n).head(pairs.values.size())).cwiseAbs().maxCoeff();
}

/// Of A v = lambda v and of v_i . v_j = delta_ij, over the leading pairs.
double largest_defect(const Eigen::MatrixXd& matrix, const EigenPairs& pairs) {
  const auto count = std::min<Index>(50, pairs.values.size());
  const auto leading = pairs.vectors.leftCols(count);
  const Eigen::MatrixXd residual = matrix * leading - leading * pairs.values.head(count).asDiagonal();
  const Eigen::MatrixXd overlap = leading.transpose() * pairs.vectors;
  return std::max(residual.colwise().norm().maxCoeff(),
                  (overlap - Eigen::MatrixXd::Identity(count, pairs.values.size())).cwiseAbs().maxCoeff());
}

constexpr Index small = 300;
constexpr Index large = 1500;  // from here on teams of ranks use ScaLAPACK

Check serial_check() {
  double error = 0.0;
  error = largest_error(eigen_symmetric(matrix_with_spectrum(small)), small);
  return {"LAPACK dsyevd, n = 300: largest error of an eigenvalue", 0.0, error, rounding(small), "10 n eps"};
}

Check krylov_check(const Communicator& world, const Eigen::MatrixXd& matrix) {
  const auto apply = [&](std::span<const double> x, std::span<double> y) {
    Eigen::Map<Eigen::VectorXd>(y.data(), matrix.rows()) =
        matrix * Eigen::Map<const Eigen::VectorXd>(x.data(), matrix.rows());
  };
  constexpr int count = 10;
  constexpr double tolerance = 1e-10;
  EigenPairs pairs;
  // Every rank finds the same; what fails is agreed on, so that the other checks are still made.
  agree(world, [&] { pairs = leading_eigenpairs(world, apply, matrix.rows(), count, tolerance); });
  return {"SLEPc Krylov-Schur over all ranks, leading 10 of n = 1500: error", 0.0, largest_error(pairs, matrix.rows()),
          tolerance, "solver tolerance"};
}

}  // namespace

std::vector<Check> eigensolver_checks(const Communicator& world) {
  Eigen::MatrixXd matrix;
  Check serial;
  agree(world, [&] {
    matrix = matrix_with_spectrum(large);
    serial = serial_check();
  });
  const auto pairs = eigen_symmetric(world, matrix);
  const char* solver = world.size() > 1 ? "ScaLAPACK pdsyevd over all ranks" : "LAPACK dsyevd";
  return {serial,
          {fmt::format("{}, n = 1500: largest error", solver), 0.0, largest_error(pairs, large), rounding(large),
           "10 n eps"},
          {"its leading 50 eigenvectors: residual, orthogonality", 0.0, largest_defect(matrix, pairs), rounding(large),
           "10 n eps"},
          krylov_check(world, matrix)};
}

}  // namespace flatsweep
