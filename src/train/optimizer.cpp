#include "flatsweep/train/optimizer.hpp"

#include <Eigen/Core>

#include <algorithm>
#include <cmath>

namespace flatsweep {

namespace {

using Map = Eigen::Map<Eigen::ArrayXf>;
using ConstMap = Eigen::Map<const Eigen::ArrayXf>;

Map map(std::span<float> v) { return {v.data(), std::ssize(v)}; }
ConstMap map(std::span<const float> v) { return {v.data(), std::ssize(v)}; }

}  // namespace

std::optional<LinearStep> linear_step(const OptimizerOptions& options) {
  switch (options.kind) {
    case OptimizerKind::sgd:
      return LinearStep{options.learning_rate};
    case OptimizerKind::momentum:
      return LinearStep{options.learning_rate, options.momentum};
    case OptimizerKind::nesterov:  // g + beta v' = v' + beta (v' - v)
      return LinearStep{options.learning_rate, options.momentum, options.momentum};
    case OptimizerKind::adam:
      break;
  }
  return std::nullopt;
}

Optimizer::Optimizer(const OptimizerOptions& options, std::size_t parameters) : options_(options) {
  if (options.kind != OptimizerKind::sgd) state_.first.assign(parameters, 0.0F);
  if (options.kind == OptimizerKind::adam) state_.second.assign(parameters, 0.0F);
}

void Optimizer::step(std::span<float> weights, std::span<const float> gradient) {
  begin_step();
  update(0, weights, gradient);
}

std::span<const float> Optimizer::decay(std::span<float> weights, std::span<const float> gradient) {
  const float lambda = options_.weight_decay;
  if (options_.kind == OptimizerKind::adam) {
    map(weights) *= 1.0F - static_cast<float>(options_.learning_rate) * lambda;
    return gradient;
  }
  decayed_.resize(weights.size());
  map(std::span(decayed_)) = map(gradient) + lambda * map(std::span<const float>(weights));
  return decayed_;
}

void Optimizer::update(std::size_t first, std::span<float> weights, std::span<const float> gradient) {
  if (options_.weight_decay > 0.0) gradient = decay(weights, gradient);
  const float rate = options_.learning_rate;
  switch (options_.kind) {
    case OptimizerKind::sgd:
      map(weights) -= rate * map(gradient);
      return;
    case OptimizerKind::momentum: {
      auto velocity = map(std::span(state_.first).subspan(first, weights.size()));
      velocity = static_cast<float>(options_.momentum) * velocity + map(gradient);
      map(weights) -= rate * velocity;
      return;
    }
    case OptimizerKind::nesterov: {
      const float beta = options_.momentum;
      auto velocity = map(std::span(state_.first).subspan(first, weights.size()));
      velocity = beta * velocity + map(gradient);
      map(weights) -= rate * (map(gradient) + beta * velocity);
      return;
    }
    case OptimizerKind::adam:
      update_adam(first, weights, gradient);
      return;
  }
}

namespace {

#ifdef __GNUC__
#pragma GCC diagnostic ignored "-Wuninitialized"  // GCC 12 finds one in its own AVX-512 header
#endif

constexpr std::size_t block_size = 16;
using Block = Eigen::Array<float, block_size, 1>;

struct AdamStep {
  float beta1, beta2, rate, correction, epsilon;

  void operator()(float* weights, const float* gradient, float* first, float* second) const {
    const Block g = Eigen::Map<const Block>(gradient);
    const Block m = beta1 * Eigen::Map<const Block>(first) + (1.0F - beta1) * g;
    const Block v = beta2 * Eigen::Map<const Block>(second) + (1.0F - beta2) * g.square();
    Eigen::Map<Block>{first} = m;
    Eigen::Map<Block>{second} = v;
    Eigen::Map<Block>{weights} -= rate * m / (v.sqrt() * correction + epsilon);
  }
};

}  // namespace

// In blocks of fixed size, so that all elements go through the same instructions wherever the memory begins: on a map
// of any length Eigen treats what stands before an aligned address on its own, and its roots round differently there.
void Optimizer::update_adam(std::size_t first, std::span<float> weights, std::span<const float> gradient) {
  const double t = state_.steps;
  const AdamStep step{static_cast<float>(options_.adam_beta1), static_cast<float>(options_.adam_beta2),
                      static_cast<float>(options_.learning_rate / (1.0 - std::pow(options_.adam_beta1, t))),
                      static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(options_.adam_beta2, t))),
                      static_cast<float>(options_.adam_epsilon)};
  float* const mean = state_.first.data() + first;
  float* const square = state_.second.data() + first;
  std::size_t i = 0;
  for (; i + block_size <= weights.size(); i += block_size) step(&weights[i], &gradient[i], mean + i, square + i);
  const std::size_t rest = weights.size() - i;
  float w[block_size] = {}, g[block_size] = {}, m[block_size] = {}, v[block_size] = {};
  std::copy_n(weights.begin() + i, rest, w);
  std::copy_n(gradient.begin() + i, rest, g);
  std::copy_n(mean + i, rest, m);
  std::copy_n(square + i, rest, v);
  step(w, g, m, v);
  std::copy_n(w, rest, weights.begin() + i);
  std::copy_n(m, rest, mean + i);
  std::copy_n(v, rest, square + i);
}

}  // namespace flatsweep
