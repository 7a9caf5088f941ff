#include "flatsweep/base/index.hpp"
#include "flatsweep/linalg/entries.hpp"
#include "flatsweep/nn/network_executor.hpp"

#include <algorithm>
#include <cassert>

// Products of the loss's second derivatives with a vector, by Pearlmutter's R operator (Pearlmutter 1994): what every
// number of the forward and the backward pass changes by when the weights move along a direction.
namespace flatsweep {

const Eigen::ArrayXXf& NetworkExecutor::weight_tangents(std::span<const float> weights,
                                                        std::span<const float> direction) {
  for (std::size_t i = 0; i < passes_.size(); ++i) {
    auto& pass = *passes_[i];
    const std::size_t place = network_.layers[i].weights;
    preactivation_tangent_.resize(pass.preactivations());
    pass.apply_weights(pass.input(), direction.data() + place, preactivation_tangent_);
    pass.add_bias(direction, preactivation_tangent_);
    if (i > 0) {
      carried_tangent_.resize(pass.preactivations());
      pass.apply_weights(tangents_[i], weights.data() + place, carried_tangent_);
      std::ranges::transform(preactivation_tangent_, carried_tangent_, preactivation_tangent_.begin(), std::plus{});
    }
    pass.activate_tangent(preactivation_tangent_, tangent_runs(i + 1));
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
  (void)cross_entropy_.loss_and_gradient(logits_, labels, 1.0F, logit_errors_);
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
  cross_entropy_.gauss_newton(logits_, labels, tangents, logit_errors_);
  send_errors(weights, product);
}

// g_n = J_n^T e_n, so that g_n (g_n . v) = J_n^T e_n (e_n . J_n v).
void NetworkExecutor::second_moment_product(std::span<const float> weights, std::span<const float> direction,
                                            std::span<const std::uint8_t> labels, Gradients gradients,
                                            std::span<float> product) {
  const auto& tangents = weight_tangents(weights, direction);
  (void)cross_entropy_.loss_and_gradient(logits_, labels, 1.0F, logit_errors_);
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
                                      std::span<const std::uint8_t> labels, std::span<float> product) {
  const auto& tangents = weight_tangents(weights, direction);
  cross_entropy_.gauss_newton(logits_, labels, tangents, logit_errors_);
  AlignedVector<float> moved(logit_errors_.data(), logit_errors_.data() + logit_errors_.size());
  (void)cross_entropy_.loss_and_gradient(logits_, labels, 1.0F, logit_errors_);
  AlignedVector<float> plain(logit_errors_.data(), logit_errors_.data() + logit_errors_.size());
  from_errors_.resize(network_.parameters);
  for (std::size_t i = passes_.size(); i-- > 0;) pull_back(i, weights, direction, plain, moved, product);
}

// z = W h + b and e its error: the gradient e h^T changes by e' h^T + e h'^T, and the error W^T e of h by W^T e' + V^T
// e, where ' is the change along the direction and V the direction in W.
void NetworkExecutor::pull_back(std::size_t layer, std::span<const float> weights, std::span<const float> direction,
                                AlignedVector<float>& plain, AlignedVector<float>& moved, std::span<float> product) {
  auto& pass = *passes_[layer];
  const auto error = output_error(layer);
  const auto wanted = layer > 0 ? InputError::wanted : InputError::not_wanted;
  std::ranges::copy(moved, error.begin());
  pass.backward(weights, product, wanted);
  if (layer == 0) return;  // the images do not move
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
