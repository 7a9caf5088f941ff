#include "flatsweep/train/optimizer.hpp"

#include <Eigen/Core>

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

void Optimizer::step_adam(std::span<float> weights, std::span<const float> gradient) {
  const auto beta1 = static_cast<float>(options_.adam_beta1);
  const auto beta2 = static_cast<float>(options_.adam_beta2);
  const auto t = static_cast<double>(state_.steps);
  const auto rate = static_cast<float>(options_.learning_rate / (1.0 - std::pow(options_.adam_beta1, t)));
  const auto correction = static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(options_.adam_beta2, t)));
  const auto g = map(gradient);
  auto first = map(std::span(state_.first));
  auto second = map(std::span(state_.second));
  first = beta1 * first + (1.0F - beta1) * g;
  second = beta2 * second + (1.0F - beta2) * g.square();
  map(weights) -= rate * first / (second.sqrt() * correction + static_cast<float>(options_.adam_epsilon));
}

}  // namespace flatsweep
