#include "flatsweep/train/optimizer.hpp"

#include <Eigen/Core>

#include <algorithm>
#include <cmath>

namespace flatsweep {

namespace {

using Map = Eigen::Map<Eigen::ArrayXf>;
using ConstMap = Eigen::Map<const Eigen::ArrayXf>;

Map map(std::span<float> v) { return {v.data(), static_cast<Eigen::Index>(v.size())}; }
ConstMap map(std::span<const float> v) { return {v.data(), static_cast<Eigen::Index>(v.size())}; }

}  // namespace

std::string_view to_string(OptimizerKind kind) {
  switch (kind) {
    case OptimizerKind::sgd: return "sgd";
    case OptimizerKind::momentum: return "momentum";
    case OptimizerKind::adam: return "adam";
  }
  return "";
}

Optimizer::Optimizer(const OptimizerOptions& options, std::size_t parameters) : options_(options) {
  if (options.kind != OptimizerKind::sgd) state_.first.assign(parameters, 0.0F);
  if (options.kind == OptimizerKind::adam) state_.second.assign(parameters, 0.0F);
}

void Optimizer::step(std::span<float> weights, std::span<const float> gradient) {
  ++state_.steps;
  const auto rate = static_cast<float>(options_.learning_rate);
  switch (options_.kind) {
    case OptimizerKind::sgd:
      map(weights) -= rate * map(gradient);
      return;
    case OptimizerKind::momentum: {
      auto velocity = map(std::span(state_.first));
      velocity = static_cast<float>(options_.momentum) * velocity + map(gradient);
      map(weights) -= rate * velocity;
      return;
    }
    case OptimizerKind::adam:
      step_adam(weights, gradient);
      return;
  }
}

namespace {

// A fixed number of elements at a time, so that all go through the same instructions wherever the memory begins: on a
// map of any length Eigen treats what comes before an aligned address on its own, whose roots round differently.
using Block = Eigen::Array<float, 16, 1>;
constexpr std::size_t block_size = 16;

Block load(std::span<const float> from, std::size_t begin) {
  if (begin + block_size <= from.size()) return Eigen::Map<const Block>(from.data() + begin);
  Block block = Block::Zero();
  std::copy(from.begin() + static_cast<std::ptrdiff_t>(begin), from.end(), block.data());
  return block;
}

void store(const Block& block, std::span<float> to, std::size_t begin) {
  std::copy_n(block.data(), std::min(block_size, to.size() - begin), to.data() + begin);
}

}  // namespace

void Optimizer::step_adam(std::span<float> weights, std::span<const float> gradient) {
  const auto beta1 = static_cast<float>(options_.adam_beta1);
  const auto beta2 = static_cast<float>(options_.adam_beta2);
  const auto epsilon = static_cast<float>(options_.adam_epsilon);
  const auto t = static_cast<double>(state_.steps);
  const auto rate = static_cast<float>(options_.learning_rate / (1.0 - std::pow(options_.adam_beta1, t)));
  const auto correction = static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(options_.adam_beta2, t)));
  for (std::size_t i = 0; i < weights.size(); i += block_size) {
    const Block g = load(gradient, i);
    const Block first = beta1 * load(state_.first, i) + (1.0F - beta1) * g;
    const Block second = beta2 * load(state_.second, i) + (1.0F - beta2) * g.square();
    store(first, state_.first, i);
    store(second, state_.second, i);
    store(load(weights, i) - rate * first / (second.sqrt() * correction + epsilon), weights, i);
  }
}

}  // namespace flatsweep
