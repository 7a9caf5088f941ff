#pragma once

#include "flatsweep/analysis/curvature.hpp"
#include "flatsweep/linalg/to_vector.hpp"

#include <Eigen/Core>

#include <cstdint>
#include <functional>
#include <optional>

namespace flatsweep {

/// What both ways of measuring a layer's curvature need.
struct CurvatureTask {
  const Communicator& team;
  const CurvatureProblem& problem;
  const Eigen::MatrixXd& directions;
  const CurvatureOptions& options;
  std::int64_t seed;
  std::function<void(double fraction)> step;  ///< collective; between pieces of work
};

/// Of the Hessian. Where outputs are linear in a layer's weights its Gauss-Newton matrix is the Hessian, and the
/// cheaper product.
[[nodiscard]] inline CurvatureKind hessian_kind(const CurvatureProblem& problem) {
  return problem.network.curved(problem.layer) ? CurvatureKind::hessian : CurvatureKind::gauss_newton;
}
/// One of the problem's matrices. @note Collective over `team`.
[[nodiscard]] inline CurvatureOperator matrix_of(const Communicator& team, const CurvatureProblem& problem,
                                                 CurvatureKind kind) {
  return {team,
          problem.network,
          problem.weights,
          problem.set,
          kind,
          problem.layer,
          problem.scheme.value_or(MinibatchScheme{})};
}

/// All eigenvalues of matrices that are formed.
void measure_dense(const CurvatureTask& task, LayerCurvature& result);
/// Leading modes of matrices that are not.
void measure_modes(const CurvatureTask& task, LayerCurvature& result);

/// Everything of the loss along the chosen directions p, from the Hessian's products with them.
/// @param hessian (N, n) H p   @param gradient (N,) of the mean loss
void set_along(const CurvatureTask& task, const Eigen::MatrixXd& hessian, const Eigen::VectorXd& gradient,
               LayerCurvature& result);
/// The same of the noise.   @param noise (N, n) C p
void set_noise_along(const CurvatureTask& task, const Eigen::MatrixXd& noise, LayerCurvature& result);
/// Overlaps of leading subspaces up to options.modes.
/// @param noise, hessian (N, at least options.modes where N allows) eigenvectors, leading first; of the noise none
/// where minibatches are not known
void set_overlaps(const CurvatureTask& task, const std::optional<Eigen::MatrixXd>& noise,
                  const Eigen::MatrixXd& hessian, NoiseCurvature& relation);

}  // namespace flatsweep
