#include "flatsweep/analysis/layer_probe.hpp"

#include "flatsweep/nn/block_samples.hpp"
#include "flatsweep/nn/relu_head.hpp"
#include "flatsweep/train/evaluator.hpp"

#include <algorithm>

namespace flatsweep {

LayerProbe::LayerProbe(const Network& network, std::span<const float> weights, int layer, const ImageSet& set)
    : network_(network),
      weights_(weights.begin(), weights.end()),
      layer_(layer),
      set_(set),
      executor_(network, probe_block.of(network),
                network.curved(layer) ? Direction::forward_and_backward : Direction::forward_only),
      pass_(executor_.layer(layer)),
      response_(pass_.preactivations(), 0.0F),
      preactivation_(pass_.preactivations(), 0.0F) {
  build_blocks();
}

void LayerProbe::build_blocks() {
  double sum = 0.0;
  for_each_block(set_, executor_.batch(), [&](std::int64_t first, auto images, auto labels) {
    Block block{first, labels, {}, {}};
    executor_.load(images);
    executor_.forward(weights_);
    sum += executor_.loss(labels).loss;
    const auto input = pass_.input();
    if (layer_ > 0) block.input.assign(input.begin(), input.end());
    if (!layer().convolution) {
      block.preactivation.resize(pass_.preactivations());
      preactivate(input, block.preactivation);
    }
    blocks_.push_back(std::move(block));
  });
  loss_ = sum / set_.count();
}

void LayerProbe::preactivate(std::span<const float> input, std::span<float> z) {
  pass_.apply_weights(input, weights_.data() + layer().weights, z);
  pass_.add_bias(weights_, z);
}

std::span<const float> LayerProbe::input_of(const Block& block) {
  if (layer_ > 0 && network_.targets == Targets::classes) return block.input;
  std::vector<const std::uint8_t*> images;
  for (std::size_t i = 0; i < block.labels.size(); ++i) images.push_back(set_.image(block.first + i));
  if (layer_ > 0) {
    executor_.load_targets(images);
    return block.input;
  }
  executor_.load(images);
  return pass_.input();
}

std::span<const float> LayerProbe::preactivations_of(const Block& block, std::span<const float> input) {
  if (!block.preactivation.empty()) return block.preactivation;
  preactivate(input, preactivation_);
  return preactivation_;
}

bool LayerProbe::before_last() const { return layer_ + 2 == std::ssize(network_.layers); }

void LayerProbe::move_to(std::span<const float> z, float step) {
  if (before_last() && !layer().convolution && layer().activation == Activation::relu) {
    const auto& head = network_.layers.back();
    return relu_head_logits({z.data(), response_.data(), executor_.rows(), head.inputs, weights_.data() + head.weights,
                             weights_.data() + head.bias, head.outputs},
                            step, executor_.logits().data());
  }
  pass_.activate(z, response_, step);
  executor_.forward(weights_, layer_ + 1);
}

std::vector<LayerProbe::Derivatives> LayerProbe::derivatives(std::span<const WeightDirection> directions) {
  std::vector<DerivativeSum> totals(directions.size());
  const std::vector<float> nowhere(pass_.preactivations(), 0.0F);
  for (const auto& block : blocks_) {
    const auto input = input_of(block);
    // At w_0 itself, without the fused head: the layers behind need the activations that it keeps in registers.
    pass_.activate(preactivations_of(block, input), nowhere, 0.0F);
    executor_.forward(weights_, layer_ + 1);
    if (network_.curved(layer_) && layer_ > 0) std::ranges::copy(input, pass_.input().begin());
    for (std::size_t i = 0; i < directions.size(); ++i) {
      const auto sum = derivatives_of(block, input, directions[i]);
      totals[i].loss += sum.loss;
      totals[i].first += sum.first;
      totals[i].second += sum.second;
    }
  }
  const double count = set_.count();
  std::vector<Derivatives> means;
  for (const auto& total : totals) means.push_back({total.loss / count, total.first / count, total.second / count});
  return means;
}

DerivativeSum LayerProbe::derivatives_of(const Block& block, std::span<const float> input, WeightDirection direction) {
  if (network_.curved(layer_)) {
    product_.resize(direction.size());
    return executor_.layer_hessian_product(weights_, layer_, direction, block.labels, product_);
  }
  pass_.apply_weights(input, direction.data(), response_);
  return executor_.derivatives(weights_, layer_, response_, block.labels);
}

void LayerProbe::evaluate(std::span<const Profile> profiles) {
  for (const auto& profile : profiles) std::ranges::fill(profile.losses, 0.0);
  for (const auto& block : blocks_) {
    const auto input = input_of(block);
    const auto z = preactivations_of(block, input);
    for (const auto& profile : profiles) {
      pass_.apply_weights(input, profile.direction.data(), response_);
      for (std::size_t i = 0; i < profile.steps.size(); ++i) {
        move_to(z, static_cast<float>(profile.steps[i]));
        profile.losses[i] += executor_.loss(block.labels).loss;
      }
    }
  }
  for (const auto& profile : profiles)
    for (double& value : profile.losses) value /= set_.count();
}

void LayerProbe::visit_logits(WeightDirection direction, std::span<const double> steps,
                              const std::function<void(const LogitBlock&)>& visit) {
  for (const auto& block : blocks_) {
    const auto input = input_of(block);
    const auto z = preactivations_of(block, input);
    pass_.apply_weights(input, direction.data(), response_);
    for (std::size_t i = 0; i < steps.size(); ++i) {
      move_to(z, static_cast<float>(steps[i]));
      visit({block.first, i, block.labels, executor_.logits()});
    }
  }
}

}  // namespace flatsweep
