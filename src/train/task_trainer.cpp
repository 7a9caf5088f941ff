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
                         std::vector<ParameterBlock> trained, std::vector<TrainerState> points)
    : inputs_(inputs),
      options_(options),
      trained_(std::move(trained)),
      sampler_(options.sampling, inputs.set().count(), options.batch_size, options.seed),
      executor_(network, options.batch_size, Direction::forward_and_backward),
      points_(std::move(points)),
      gradient_(network.parameters),
      labels_(options.batch_size) {
  for (const auto& point : points_) {
    auto& optimizer = optimizers_.emplace_back(options.optimizer, network.parameters);
    if (point.optimizer.steps > 0) optimizer.restore(point.optimizer);
  }
}

bool TaskTrainer::all_diverged() const { return std::ranges::all_of(points_, &TrainerState::diverged); }

void TaskTrainer::load(std::span<const std::uint32_t> samples) {
  for (std::size_t i = 0; i < samples.size(); ++i) labels_[i] = inputs_.set().labels[samples[i]];
  inputs_.load(executor_, samples);
}

void TaskTrainer::step(std::size_t point) {
  auto& state = points_[point];
  executor_.forward(state.weights, inputs_.layer());
  const double loss = executor_.backward(state.weights, labels_, gradient_, inputs_.layer()).loss;
  state.diverged = !std::isfinite(loss);
  auto& optimizer = optimizers_[point];
  optimizer.begin_step();
  for (const auto& block : trained_)
    optimizer.update(block.offset, std::span(state.weights).subspan(block.offset, block.size),
                     std::span(gradient_).subspan(block.offset, block.size));
}

void TaskTrainer::run_epoch(ProximalStep* penalty, const PointObserver& observe) {
  const auto order = sampler_.order(epoch());
  const std::size_t batch = options_.batch_size;
  std::vector<std::span<float>> weights;
  for (auto& point : points_) weights.emplace_back(point.weights);
  for (std::size_t begin = 0; begin < order.size() && !all_diverged(); begin += batch) {
    load(std::span(order).subspan(begin, batch));
    for (std::size_t i = 0; i < points_.size(); ++i)
      if (!points_[i].diverged) step(i);
    if (penalty != nullptr) penalty->apply(weights);
    for (std::size_t i = 0; observe && i < points_.size(); ++i) observe(i, weights[i]);
  }
  for (std::size_t i = 0; i < points_.size(); ++i) {
    ++points_[i].epoch;
    points_[i].optimizer = optimizers_[i].state();
  }
}

}  // namespace flatsweep
