#include "flatsweep/analysis/layer_probe.hpp"

#include "flatsweep/nn/relu_head.hpp"
#include "flatsweep/nn/row_products.hpp"
#include "flatsweep/train/evaluator.hpp"

#include <algorithm>

namespace flatsweep {

namespace {

// z_0, the response and the activations of this many samples of a 50-wide layer fit the nearest cache together.
constexpr int block_samples = 64;

ProductShape product_shape(const Layer& layer) {
  return {block_samples, layer.outputs, layer.inputs, block_samples, layer.inputs, block_samples};
}

}  // namespace

LayerProbe::LayerProbe(const Network& network, std::span<const float> weights, int layer, const ImageSet& set)
    : network_(network),
      weights_(weights.begin(), weights.end()),
      layer_(layer),
      set_(set),
      propagator_(network, block_samples, Direction::forward_only),
      product_(product_shape(network.layers[static_cast<std::size_t>(layer)]), Target::overwrite) {
  const auto outputs = network.layers[static_cast<std::size_t>(layer)].outputs;
  response_ = Eigen::ArrayXXf::Zero(block_samples, outputs);
  build_blocks();
}

void LayerProbe::build_blocks() {
  const auto& layer = network_.layers[static_cast<std::size_t>(layer_)];
  double sum = 0.0;
  for_each_block(set_, block_samples, [&](std::int64_t first, auto images, auto labels) {
    Block block{first, labels, {}, Eigen::ArrayXXf::Zero(block_samples, layer.outputs)};
    propagator_.load(images);
    propagator_.forward(weights_);
    sum += propagator_.loss(labels).loss;
    if (layer_ > 0) block.input = propagator_.input(layer_);
    respond(block, weights_.data() + layer.weights, block.preactivation);
    for (Eigen::Index j = 0; j < layer.outputs; ++j)
      block.preactivation.col(j) += weights_[layer.bias + static_cast<std::size_t>(j)];
    blocks_.push_back(std::move(block));
  });
  loss_ = sum / static_cast<double>(set_.count());
}

/// h p^T for the block; p row-major (outputs, inputs).
void LayerProbe::respond(const Block& block, const float* p, Eigen::ArrayXXf& out) {
  if (layer_ > 0) return product_(block.input.data(), p, out.data());
  std::vector<const std::uint8_t*> images;
  for (std::size_t i = 0; i < block.labels.size(); ++i)
    images.push_back(set_.image(static_cast<std::size_t>(block.first) + i));
  propagator_.load(images);
  const auto& layer = network_.layers.front();
  multiply_rows(propagator_.images().data(), static_cast<std::size_t>(layer.inputs), static_cast<int>(images.size()), p,
                layer.inputs, layer.outputs, out.data(), block_samples);
}

void LayerProbe::move_to(const Block& block, float step) {
  if (layer_ + 2 == static_cast<int>(network_.layers.size())) {
    const auto& head = network_.layers.back();
    return relu_head_logits({block.preactivation.data(), response_.data(), block_samples, head.inputs,
                             weights_.data() + head.weights, weights_.data() + head.bias, head.outputs},
                            step, propagator_.input(layer_ + 2).data());
  }
  auto& out = propagator_.input(layer_ + 1);
  if (last())
    out = block.preactivation + step * response_;
  else
    out = (block.preactivation + step * response_).max(0.0F);
  propagator_.forward(weights_, layer_ + 1);
}

LayerProbe::Derivatives LayerProbe::derivatives(std::span<const float> direction) {
  DerivativeSum total;
  for (const auto& block : blocks_) {
    respond(block, direction.data(), response_);
    // At w_0 itself, without the fused head: the layers behind need the activations that it keeps in registers.
    auto& out = propagator_.input(layer_ + 1);
    if (last()) {
      out = block.preactivation;
      tangent_ = response_;
    } else {
      out = block.preactivation.max(0.0F);
      tangent_ = (block.preactivation > 0.0F).select(response_, 0.0F);
    }
    propagator_.forward(weights_, layer_ + 1);
    const auto sum = propagator_.derivatives(weights_, layer_ + 1, tangent_, block.labels);
    total.loss += sum.loss;
    total.first += sum.first;
    total.second += sum.second;
  }
  const auto count = static_cast<double>(set_.count());
  return {total.loss / count, total.first / count, total.second / count};
}

void LayerProbe::losses(std::span<const float> direction, std::span<const double> steps, std::span<double> out) {
  std::ranges::fill(out, 0.0);
  for (const auto& block : blocks_) {
    respond(block, direction.data(), response_);
    for (std::size_t i = 0; i < steps.size(); ++i) {
      move_to(block, static_cast<float>(steps[i]));
      out[i] += propagator_.loss(block.labels).loss;
    }
  }
  for (double& value : out) value /= static_cast<double>(set_.count());
}

}  // namespace flatsweep
