#pragma once

#include "flatsweep/analysis/curvature.hpp"
#include "flatsweep/linalg/to_vector.hpp"

#include <Eigen/Core>

#include <cstdint>
#include <functional>

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

/// All eigenvalues of matrices that are formed.
void measure_dense(const CurvatureTask& task, LayerCurvature& result);
/// Leading modes of matrices that are not.
void measure_modes(const CurvatureTask& task, LayerCurvature& result);

/// Everything along the chosen directions p, from the products of both matrices with them.
/// @param hessian (N, n) H p   @param noise (N, n) C p   @param gradient (N,) of the mean loss
void set_along(const CurvatureTask& task, const Eigen::MatrixXd& hessian, const Eigen::MatrixXd& noise,
               const Eigen::VectorXd& gradient, LayerCurvature& result);
/// Overlaps of leading subspaces up to options.modes.
/// @param noise, hessian (N, at least options.modes where N allows) eigenvectors, leading first
void set_overlaps(const CurvatureTask& task, const Eigen::MatrixXd& noise, const Eigen::MatrixXd& hessian,
                  NoiseCurvature& relation);

}  // namespace flatsweep
