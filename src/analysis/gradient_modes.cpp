#include "flatsweep/analysis/gradient_modes.hpp"

#include "flatsweep/analysis/minibatch_gradients.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/linalg/row_modes.hpp"

namespace flatsweep {

namespace {

/// The gradient of minibatch mu by all parameters in row mu.
RowMatrixF gradient_rows(const Network& network, std::span<const float> weights, const ImageSet& set, int batch_size,
                         std::span<const std::uint32_t> order, const std::function<void()>& checkpoint) {
  const auto minibatches = order.size() / batch_size;
  RowMatrixF rows(minibatches, network.parameters);
  Index filled = 0;
  MinibatchGradients gradients(network, weights, ParameterBlock{0, network.parameters}, set, batch_size);
  gradients.for_each_block(order, [&](const SnapshotBlock& block) {
    if (checkpoint) checkpoint();
    rows.middleRows(filled, block.rows()) = block;
    filled += block.rows();
  });
  return rows;
}

/// @param rows Q^T
GradientModes modes_of(const SnapshotBlock& rows, ParameterBlock block, int count) {
  const double minibatches = rows.rows();
  const auto pairs = leading_row_modes(rows, count, RowSums::in_single);
  GradientModes modes;
  modes.leading.block = block;
  for (const double value : pairs.values) modes.leading.values.push_back(value / minibatches);
  modes.leading.vectors = pairs.vectors.transpose().cast<float>();
  for (Index mu = 0; mu < rows.rows(); ++mu) modes.trace += rows.row(mu).cast<double>().squaredNorm();
  modes.trace /= minibatches;
  return modes;
}

}  // namespace

std::vector<GradientModes> gradient_modes(const Network& network, std::span<const float> weights, const ImageSet& set,
                                          int batch_size, std::span<const std::uint32_t> order, int count,
                                          const std::function<void()>& checkpoint) {
  const auto rows = gradient_rows(network, weights, set, batch_size, order, checkpoint);
  std::vector<GradientModes> layers;
  for (const auto& layer : network.layers) {
    const auto block = layer.weight_block();
    layers.push_back(modes_of(rows.middleCols(block.offset, block.size), block, count));
  }
  return layers;
}

}  // namespace flatsweep
