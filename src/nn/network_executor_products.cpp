#include "flatsweep/base/index.hpp"
#include "flatsweep/linalg/entries.hpp"
#include "flatsweep/nn/network_executor.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

// Products of the loss's second derivatives with a vector, by Pearlmutter's R operator (Pearlmutter 1994): what every
// number of the forward and the backward pass changes by when the weights move along a direction.
namespace flatsweep {

const Eigen::ArrayXXf& NetworkExecutor::weight_tangents(std::span<const float> weights,
                                                        std::span<const float> direction, int first) {
  for (std::size_t i = first; i < passes_.size(); ++i) {
    auto& pass = *passes_[i];
    const std::size_t place = network_.layers[i].weights;
    auto& moved = preactivation_tangent(i);
    pass.apply_weights(pass.input(), direction.data() + place, moved);
    pass.add_bias(direction, moved);
    if (std::cmp_greater(i, first)) {
      carried_tangent_.resize(pass.preactivations());
      pass.apply_weights(tangents_[i], weights.data() + place, carried_tangent_);
      std::ranges::transform(moved, carried_tangent_, moved.begin(), std::plus{});
    }
    pass.activate_tangent(moved, tangent_runs(i + 1));
  }
  return logit_tangents_;
}

void NetworkExecutor::send_errors(std::span<const float> weights, std::span<float> gradient, std::size_t first) {
  assert(logit_errors_.size() > 0);
  for (std::size_t i = passes_.size(); i-- > first;)
    passes_[i]->backward(weights, gradient, i > first ? InputError::wanted : InputError::not_wanted);
}

void NetworkExecutor::gradient_sum(std::span<const float> weights, std::span<const std::uint8_t> labels,
                                   std::span<float> gradient) {
  (void)loss_.loss_and_gradient(logits_, labels, 1.0F, logit_errors_);
  send_errors(weights, gradient);
}

void NetworkExecutor::transposed_jacobian(std::span<const float> weights, const Eigen::ArrayXXf& errors,
                                          std::span<float> gradient) {
  logit_errors_ = errors;
  send_errors(weights, gradient);
}

void NetworkExecutor::gauss_newton_product(std::span<const float> weights, std::span<const float> direction,
                                           std::span<const std::uint8_t> labels, std::span<float> product) {
  const auto& tangents = weight_tangents(weights, direction);
  loss_.gauss_newton(logits_, labels, tangents, logit_errors_);
  send_errors(weights, product);
}

// g_n = J_n^T e_n, so that g_n (g_n . v) = J_n^T e_n (e_n . J_n v).
void NetworkExecutor::second_moment_product(std::span<const float> weights, std::span<const float> direction,
                                            std::span<const std::uint8_t> labels, Gradients gradients,
                                            std::span<float> product) {
  const auto& tangents = weight_tangents(weights, direction);
  (void)loss_.loss_and_gradient(logits_, labels, 1.0F, logit_errors_);
  // Rows past the samples have tangents without meaning.
  const Index samples = std::ssize(labels);
  Eigen::ArrayXf overlap = (logit_errors_ * tangents).rowwise().sum();
  if (gradients == Gradients::of_minibatch) overlap.head(samples).setConstant(overlap.head(samples).sum());
  for (Index n = 0; n < samples; ++n) logit_errors_.row(n) *= overlap(n);
  send_errors(weights, product);
}

std::span<float> NetworkExecutor::output_error(std::size_t layer) {
  if (layer + 1 < passes_.size()) return passes_[layer + 1]->input_error_memory();
  return entries(logit_errors_);
}

void NetworkExecutor::hessian_product(std::span<const float> weights, std::span<const float> direction,
                                      std::span<const std::uint8_t> labels, std::span<float> product, int first) {
  const auto& tangents = weight_tangents(weights, direction, first);
  loss_.gauss_newton(logits_, labels, tangents, logit_errors_);
  AlignedVector<float> moved(logit_errors_.data(), logit_errors_.data() + logit_errors_.size());
  (void)loss_.loss_and_gradient(logits_, labels, 1.0F, logit_errors_);
  AlignedVector<float> plain(logit_errors_.data(), logit_errors_.data() + logit_errors_.size());
  from_errors_.resize(network_.parameters);
  for (int i = std::ssize(passes_); i-- > first;)
    pull_back(i, weights, direction, i > first ? InputError::wanted : InputError::not_wanted, plain, moved, product);
}

DerivativeSum NetworkExecutor::layer_hessian_product(std::span<const float> weights, int layer,
                                                     std::span<const float> direction,
                                                     std::span<const std::uint8_t> labels, std::span<float> product) {
  const auto& block = network_.layers[layer];
  whole_direction_.assign(network_.parameters, 0.0F);
  whole_product_.resize(network_.parameters);
  std::ranges::copy(direction, whole_direction_.begin() + block.weights);
  hessian_product(weights, whole_direction_, labels, whole_product_, layer);
  std::copy_n(whole_product_.begin() + block.weights, block.size(), product.begin());
  auto sum = loss_.derivatives(logits_, labels, logit_tangents_);
  sum.second = 0.0;
  for (std::size_t i = 0; i < product.size(); ++i) sum.second += 1.0 * direction[i] * product[i];
  return sum;
}

// Every unit's pre-activation moves by itself, and the error's change comes back.
void NetworkExecutor::preactivation_hessian(std::span<const float> weights, int layer,
                                            std::span<const std::uint8_t> labels, std::span<float> out) {
  const std::size_t target = layer, outputs = network_.layers[target].outputs;
  (void)loss_.loss_and_gradient(logits_, labels, 1.0F, logit_errors_);
  std::vector<AlignedVector<float>> bends(passes_.size());
  for (std::size_t i = passes_.size(); i-- > target;) {
    bends[i].resize(passes_[i]->preactivations());
    passes_[i]->bend_error(bends[i]);
    passes_[i]->receive_error();
    if (i > target) passes_[i]->propagate_error(weights);
  }
  AlignedVector<float> unit(passes_[target]->preactivations(), 0.0F);
  for (std::size_t u = 0; u < outputs; ++u) {
    std::ranges::fill(unit, 0.0F);
    std::fill_n(unit.begin() + u * rows(), rows(), 1.0F);
    loss_.gauss_newton(logits_, labels, tangents(weights, layer, unit), logit_errors_);
    for (std::size_t i = passes_.size(); i-- > target;) {
      passes_[i]->receive_error();
      if (network_.layers[i].curved()) {
        bend_ = i == target ? unit : preactivation_tangents_[i];
        std::ranges::transform(bend_, bends[i], bend_.begin(), std::multiplies{});
        passes_[i]->add_error(bend_);
      }
      if (i > target) passes_[i]->propagate_error(weights);
    }
    read_errors(target, labels.size(), outputs * outputs, out.data() + u * outputs);
  }
}

void NetworkExecutor::bend(std::size_t layer, const AlignedVector<float>& plain) {
  const auto& moved = preactivation_tangents_[layer];
  std::ranges::copy(plain, output_error(layer).begin());
  bend_.resize(moved.size());
  passes_[layer]->bend_error(bend_);
  std::ranges::transform(bend_, moved, bend_.begin(), std::multiplies{});
}

// z = W h + b and e its error: the gradient e h^T changes by e' h^T + e h'^T, and the error W^T e of h by W^T e' + V^T
// e, where ' is the change along the direction and V the direction in W. e' = sigma' f' + sigma'' z' f, f the output's
// error.
void NetworkExecutor::pull_back(std::size_t layer, std::span<const float> weights, std::span<const float> direction,
                                InputError wanted, AlignedVector<float>& plain, AlignedVector<float>& moved,
                                std::span<float> product) {
  auto& pass = *passes_[layer];
  const auto error = output_error(layer);
  const bool curved = network_.layers[layer].curved();
  if (curved) bend(layer, plain);
  std::ranges::copy(moved, error.begin());
  if (curved) {
    pass.receive_error();
    pass.add_error(bend_);
    pass.collect_gradient(weights, product, wanted);
  } else {
    pass.backward(weights, product, wanted);
  }
  if (wanted == InputError::not_wanted) return;  // what the first layer receives does not move
  const auto input_error = pass.input_error_memory();
  moved.assign(input_error.begin(), input_error.end());

  std::ranges::copy(plain, error.begin());
  std::ranges::swap_ranges(pass.input(), tangents_[layer]);
  pass.backward(direction, from_errors_, wanted);
  std::ranges::swap_ranges(pass.input(), tangents_[layer]);
  const auto& block = network_.layers[layer];
  for (std::size_t i = block.weights; i < block.weights + block.size(); ++i) product[i] += from_errors_[i];
  std::ranges::transform(moved, input_error, moved.begin(), std::plus{});

  pass.propagate_error(weights);
  plain.assign(input_error.begin(), input_error.end());
}

}  // namespace flatsweep
