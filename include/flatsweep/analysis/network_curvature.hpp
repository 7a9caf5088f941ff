#pragma once

#include "flatsweep/analysis/curvature_operator.hpp"
#include "flatsweep/data/image_dataset.hpp"
#include "flatsweep/linalg/spectral_density.hpp"
#include "flatsweep/linalg/trace.hpp"
#include "flatsweep/nn/network.hpp"
#include "flatsweep/par/communicator.hpp"

#include <Eigen/Core>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace flatsweep {

struct NetworkCurvatureOptions {
  std::int64_t leading = 20;
  std::int64_t smallest = 5;  ///< 0 for none
  double tolerance = 1e-5;    ///< of each eigenpair: |A v - l v| relative to the largest |l|
  std::int64_t density_probes = 4;
  std::int64_t density_steps = 100;  ///< products for each probe
  std::int64_t trace_products = 90;
  bool window = false;  ///< look at the window along the Hessian's leading eigenvectors, too (network_window.hpp)
};

/// Spectrum of one of the CurvatureKinds over all weights and biases at once, never formed.
struct NetworkCurvature {
  CurvatureKind kind = CurvatureKind::hessian;
  std::int64_t size = 0;                   ///< all weights and biases
  std::vector<double> leading;             ///< (leading,) descending; NaN behind those that converged
  std::vector<double> leading_residuals;   ///< |A v - l v|
  std::vector<double> smallest;            ///< (smallest,) ascending, negative where the loss bends down; likewise
  std::vector<double> smallest_residuals;  ///< |A v - l v|
  std::vector<std::string> layers;         ///< names, forward
  Eigen::MatrixXd leading_vectors;         ///< (size, k) of the k leading eigenpairs that converged
  std::vector<double> leading_share;       ///< (leading, layers) of |v|^2 in each layer's weights and biases, row-major
  std::vector<double> smallest_share;      ///< (smallest, layers)
  SpectralDensity density;
  TraceEstimate trace;
  std::int64_t products = 0;  ///< with the matrix, all together
};

/// @param weights w_0, (parameters,) the same on every rank   @param scheme for the kinds that know minibatches
/// @param seed of the random probes
/// @param checkpoint called on every rank between products with the share of the work that is done, roughly; may throw
/// Stopped
/// @return the same on every rank; eigenvalues are equal for any team size to the tolerance
/// @note Collective over `team`; samples are dealt over its ranks, with one reduction for each product.
/// @throws SolverError, Stopped; agreed
[[nodiscard]] NetworkCurvature measure_network_curvature(const Communicator& team, const Network& network,
                                                         std::span<const float> weights, const ImageSet& set,
                                                         CurvatureKind kind, const NetworkCurvatureOptions& options,
                                                         std::int64_t seed, MinibatchScheme scheme = {},
                                                         const std::function<void(double fraction)>& checkpoint = {});

}  // namespace flatsweep
