#pragma once

#include "flatsweep/analysis/basis.hpp"
#include "flatsweep/analysis/curvature.hpp"

#include <Eigen/Core>

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace flatsweep {

/// A basis of one layer's weights, or its leading vectors.
struct BasisVectors {
  std::vector<double> eigenvalue;  ///< (K,) of its matrix, descending; NaN for random directions
  Eigen::MatrixXd vectors;         ///< (N, K) orthonormal columns; of `filters` of length 1
  int determined = 0;              ///< leading vectors that the matrix fixes; those of its null space are arbitrary

  /// Whether they span all weights.
  [[nodiscard]] bool whole() const { return vectors.cols() > 0 && vectors.cols() == vectors.rows(); }
};

/// Eigenvectors of the layer's Hessian; of the leading ones alone where the layer is wider than the limit.
/// @param checkpoint called on every rank between steps; may throw Stopped; may be empty
/// @return bitwise the same on every rank   @note Collective over `team`.  @throws SolverError, Stopped, agreed
[[nodiscard]] BasisVectors hessian_basis(const Communicator& team, const CurvatureProblem& problem,
                                         const BasisOptions& options, const std::function<void()>& checkpoint = {});
/// The same of C_B.   @pre problem.scheme
[[nodiscard]] BasisVectors noise_basis(const Communicator& team, const CurvatureProblem& problem,
                                       const BasisOptions& options, const std::function<void()>& checkpoint = {});
/// Uniformly distributed (Haar).   @param layer number of the layer, whose directions are its own
[[nodiscard]] BasisVectors random_basis(std::int64_t size, std::int64_t count, std::int64_t seed, int layer);
/// The same numbers, normal and independent, filter by filter scaled to the norm of the filter at w_0 and the whole to
/// length 1 (Li et al. 2018): a filter of zeros does not move.
/// @param solution w_0 of the layer, row-major (outputs, inputs)
[[nodiscard]] BasisVectors filter_basis(std::span<const float> solution, int outputs, std::int64_t count,
                                        std::int64_t seed, int layer);

}  // namespace flatsweep
