#include "flatsweep/analysis/gradient_modes.hpp"

#include "flatsweep/analysis/minibatch_gradients.hpp"
#include "flatsweep/linalg/row_modes.hpp"

namespace flatsweep {

namespace {

/// Q^T: the gradient of minibatch mu in row mu.
RowMatrixF gradient_rows(const Network& network, std::span<const float> weights, int layer, const ImageSet& set,
                         int batch_size, std::span<const std::uint32_t> order) {
  const auto minibatches = order.size() / static_cast<std::size_t>(batch_size);
  RowMatrixF rows(static_cast<Eigen::Index>(minibatches),
                  static_cast<Eigen::Index>(network.layers[static_cast<std::size_t>(layer)].size()));
  Eigen::Index filled = 0;
  MinibatchGradients gradients(network, weights, layer, set, batch_size);
  gradients.for_each_block(order, [&](const SnapshotBlock& block) {
    rows.middleRows(filled, block.rows()) = block;
    filled += block.rows();
  });
  return rows;
}

}  // namespace

GradientModes gradient_modes(const Network& network, std::span<const float> weights, int layer, const ImageSet& set,
                             int batch_size, std::span<const std::uint32_t> order, int count) {
  const auto rows = gradient_rows(network, weights, layer, set, batch_size, order);
  const auto minibatches = static_cast<double>(rows.rows());
  const auto pairs = leading_row_modes(rows, count);
  GradientModes modes;
  modes.leading.block = network.layers[static_cast<std::size_t>(layer)].weight_block();
  for (const double value : pairs.values) modes.leading.values.push_back(value / minibatches);
  modes.leading.vectors = pairs.vectors.transpose().cast<float>();
  for (Eigen::Index mu = 0; mu < rows.rows(); ++mu) modes.trace += rows.row(mu).cast<double>().squaredNorm();
  modes.trace /= minibatches;
  return modes;
}

}  // namespace flatsweep
