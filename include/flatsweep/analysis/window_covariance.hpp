#pragma once

#include "flatsweep/analysis/quadratic_sgd.hpp"

#include <Eigen/Core>

#include <cstdint>
#include <span>

namespace flatsweep {

/// Expectation of the covariance that modes of a quadratic loss have inside a window of T snapshots, their means taken
/// out, where the noise along all of them is one and the same of variance 1. It is the pair's version of
/// `expected_window_variance`, whose samplings, limits and weakest force it has. For a quadratic loss with the Hessian
/// H = Q diag(h) Q^T and noise of covariance C the window's covariance is Q ((Q^T C Q) o W) Q^T, W this matrix of all h
/// and o the product of entries: modes do not act on each other, their noise is correlated.
/// For long windows and white noise W_ij = alpha/(h_i + h_j - alpha h_i h_j) without momentum (Xiong et al. 2022).
/// @param mode its curvature and noise do not matter   @param curvature (n,) as QuadraticMode has it
/// @return (n, n); infinite in the rows and columns of modes in which SGD is unstable
/// @pre as of `expected_window_variance`. Costs O(n^2 (window + iterations)).
[[nodiscard]] Eigen::MatrixXd expected_window_covariance(const QuadraticMode& mode, std::span<const double> curvature,
                                                         Sampling sampling, std::int64_t window);

/// The same for thousands of modes, to 5e-4 of sqrt(W_ii W_jj): exact among the 48 steepest, and for the others by
/// cubic interpolation in ln h, six nodes to a factor of e.
/// @param curvature (N,) descending
[[nodiscard]] Eigen::MatrixXd interpolated_window_covariance(const QuadraticMode& mode,
                                                             std::span<const double> curvature, Sampling sampling,
                                                             std::int64_t window);

}  // namespace flatsweep
