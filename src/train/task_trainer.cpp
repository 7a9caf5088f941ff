#include "flatsweep/train/task_trainer.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace flatsweep {

namespace {

void append(std::vector<ParameterBlock>& blocks, const ParameterBlock& next) {
  if (!blocks.empty() && blocks.back().offset + blocks.back().size == next.offset)
    blocks.back().size += next.size;
  else
    blocks.push_back(next);
}

}  // namespace

std::vector<ParameterBlock> trained_blocks(const Network& network, const std::vector<std::string>& layers,
                                           Biases biases) {
  for (const auto& name : layers) (void)network.index_of(name);
  std::vector<ParameterBlock> blocks;
  for (const auto& layer : network.layers) {
    if (std::ranges::find(layers, layer.name) == layers.end()) continue;
    append(blocks, layer.weight_block());
    if (biases == Biases::free) append(blocks, layer.bias_block());
  }
  return blocks;
}

int first_trained_layer(const Network& network, std::span<const ParameterBlock> blocks) {
  int first = std::ssize(network.layers) - 1;
  for (const auto& block : blocks)
    for (int i = 0; i < first; ++i) {
      const auto& layer = network.layers[i];
      if (block.offset < layer.bias + layer.outputs && block.offset + block.size > layer.weights) first = i;
    }
  return first;
}

TaskTrainer::TaskTrainer(const Network& network, const LayerInputs& inputs, const TrainerOptions& options,
                         std::vector<ParameterBlock> trained, TrainerState state)
    : inputs_(inputs),
      options_(options),
      trained_(std::move(trained)),
      sampler_(options.sampling, inputs.set().count(), options.batch_size, options.seed),
      executor_(network, options.batch_size, Direction::forward_and_backward),
      optimizer_(options.optimizer, network.parameters),
      state_(std::move(state)),
      gradient_(network.parameters),
      labels_(options.batch_size) {
  if (state_.optimizer.steps > 0) optimizer_.restore(state_.optimizer);
}

void TaskTrainer::step(std::span<const std::uint32_t> samples) {
  for (std::size_t i = 0; i < samples.size(); ++i) labels_[i] = inputs_.set().labels[samples[i]];
  inputs_.load(executor_, samples);
  executor_.forward(state_.weights, inputs_.layer());
  const double loss = executor_.backward(state_.weights, labels_, gradient_, inputs_.layer()).loss;
  state_.diverged = !std::isfinite(loss);
  optimizer_.begin_step();
  for (const auto& block : trained_)
    optimizer_.update(block.offset, std::span(state_.weights).subspan(block.offset, block.size),
                      std::span(gradient_).subspan(block.offset, block.size));
}

void TaskTrainer::run_epoch(ProximalStep* penalty, const IterationObserver& observe) {
  const auto order = sampler_.order(state_.epoch);
  const std::size_t batch = options_.batch_size;
  for (std::size_t begin = 0; begin < order.size() && !state_.diverged; begin += batch) {
    step(std::span(order).subspan(begin, batch));
    if (penalty != nullptr) penalty->apply(state_.weights);
    if (observe) observe(state_.weights);
  }
  ++state_.epoch;
  state_.optimizer = optimizer_.state();
}

}  // namespace flatsweep
