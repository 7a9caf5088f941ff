#include "flatsweep/analysis/network_curvature.hpp"

#include "flatsweep/base/index.hpp"
#include "flatsweep/base/numbers.hpp"
#include "flatsweep/linalg/symmetric_eigen.hpp"
#include "flatsweep/linalg/to_vector.hpp"
#include "flatsweep/par/agreement.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace flatsweep {

namespace {

/// Products that a solve for so many modes takes, roughly: for progress only.
double expected_products(const NetworkCurvatureOptions& options) {
  return 5.0 * options.leading + (options.smallest > 0 ? 200.0 : 0.0) +
         (options.density_probes * options.density_steps + options.trace_products);
}

/// Shares of |v|^2 in the weights and biases of every layer, (modes, layers), row-major.
std::vector<double> layer_shares(const Network& network, const Eigen::MatrixXd& vectors) {
  std::vector<double> shares;
  for (Index mode = 0; mode < vectors.cols(); ++mode)
    for (const auto& layer : network.layers) {
      const auto part = [&](std::size_t first, std::size_t size) {
        return vectors.col(mode).segment(first, size).squaredNorm();
      };
      shares.push_back(part(layer.weights, layer.size()) + part(layer.bias, layer.outputs));
    }
  return shares;
}

/// Where no leading eigenvalue says what small is.
EigenPairs without_scale(Index size, Index count) {
  return {Eigen::VectorXd::Constant(count, nan), Eigen::MatrixXd::Constant(size, count, nan),
          Eigen::VectorXd::Constant(count, nan)};
}

void find_both_ends(const Communicator& team, const Network& network, const SymmetricOperator& product,
                    const NetworkCurvatureOptions& options, NetworkCurvature& result) {
  const int size = result.size;
  const auto fitting = [&](std::int64_t count) -> int { return std::min<std::int64_t>(count, size - 1); };
  const auto leading =
      leading_eigenpairs(team, product, size, fitting(options.leading), options.tolerance, Shortage::marked);
  result.leading = to_vector(leading.values);
  result.leading_residuals = to_vector(leading.residuals);
  result.leading_vectors = leading.vectors.leftCols(converged_pairs(leading));
  result.leading_share = layer_shares(network, leading.vectors);
  if (options.smallest < 1) return;
  const auto smallest = converged_pairs(leading) > 0
                            ? smallest_eigenpairs(team, product, size, fitting(options.smallest),
                                                  std::abs(leading.values(0)), options.tolerance, Shortage::marked)
                            : without_scale(size, fitting(options.smallest));
  result.smallest = to_vector(smallest.values);
  result.smallest_residuals = to_vector(smallest.residuals);
  result.smallest_share = layer_shares(network, smallest.vectors);
}

}  // namespace

NetworkCurvature measure_network_curvature(const Communicator& team, const Network& network,
                                           std::span<const float> weights, const ImageSet& set, CurvatureKind kind,
                                           const NetworkCurvatureOptions& options, std::int64_t seed,
                                           MinibatchScheme scheme,
                                           const std::function<void(double fraction)>& checkpoint) {
  CurvatureOperator matrix(team, network, weights, set, kind, std::nullopt, std::move(scheme));
  NetworkCurvature result;
  result.kind = kind;
  result.size = matrix.size();
  for (const auto& layer : network.layers) result.layers.push_back(layer.name);
  const double expected = expected_products(options);
  const SymmetricOperator product = [&](std::span<const double> x, std::span<double> y) {
    const double fraction = std::min(0.99, result.products / expected);
    if (checkpoint) agree(team, [&] { checkpoint(fraction); });
    matrix.apply(x, y);
    ++result.products;
  };
  find_both_ends(team, network, product, options, result);
  result.density = spectral_density(product, matrix.size(),
                                    {.probes = static_cast<int>(options.density_probes),
                                     .steps = static_cast<int>(options.density_steps),
                                     .seed = seed});
  result.trace = estimate_trace(product, matrix.size(), options.trace_products, seed);
  return result;
}

}  // namespace flatsweep
