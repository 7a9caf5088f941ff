#include "flatsweep/nn/network_executor.hpp"

#include "flatsweep/base/index.hpp"
#include "flatsweep/base/numbers.hpp"
#include "flatsweep/nn/convolution_executor.hpp"
#include "flatsweep/nn/patch_executor.hpp"
#include "sample_runs.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace flatsweep {

namespace {

/// A layer's input as its predecessor sees it: behind a convolution the numbers of a fully connected layer's input are
/// those of an image, channel by channel and row by row.
SampleRuns as_image(SampleRuns flat, const Layer& before) {
  if (!before.convolution) return flat;
  const std::size_t width = before.convolution->pooled_width();
  const std::size_t height = before.convolution->pooled_height();
  return {flat.data, flat.column * width * height, flat.column * width, flat.column};
}

}  // namespace

// From the last layer to the first: every layer is told where its outputs go.
NetworkExecutor::NetworkExecutor(const Network& network, int batch, Direction direction, MatrixProduct::Backend backend)
    : network_(network),
      batch_(batch),
      logits_(Eigen::ArrayXXf::Zero(rows(), network.classes())),
      passes_(network.layers.size()),
      tangents_(network.layers.size()),
      preactivation_tangents_(network.layers.size() + 1),
      loss_(network.loss, rows(), network.classes(), network.targets) {
  const bool backward = direction == Direction::forward_and_backward;
  LayerOutput output{runs_of(logits_), {}};
  if (backward) {
    logit_errors_ = Eigen::ArrayXXf::Zero(rows(), network.classes());
    output.error = runs_of(logit_errors_);
  }
  for (std::size_t i = network.layers.size(); i-- > 0;) {
    const auto& layer = network.layers[i];
    if (layer.convolution && has_fused_kernels(layer))
      passes_[i] = std::make_unique<ConvolutionExecutor>(layer, batch, direction, output);
    else if (layer.convolution)
      passes_[i] = std::make_unique<PatchExecutor>(layer, batch, direction, output);
    else
      passes_[i] = std::make_unique<DenseExecutor>(
          layer, batch, i == 0 ? DenseExecutor::Input::images : DenseExecutor::Input::activations, direction, backend,
          output);
    if (i == 0) break;
    const bool flattened = !layer.convolution;
    const auto& before = network.layers[i - 1];
    const auto value = passes_[i]->input_runs();
    output.value = flattened ? as_image(value, before) : value;
    if (backward) output.error = flattened ? as_image(passes_[i]->input_error(), before) : passes_[i]->input_error();
  }
}

void NetworkExecutor::load(std::span<const std::uint8_t* const> images) {
  passes_.front()->load(images, network_.input_numbers);
  load_targets(images);
}

void NetworkExecutor::load_targets(std::span<const std::uint8_t* const> images) {
  auto* const targets = loss_.real_targets();
  if (targets == nullptr) return;
  const std::size_t behind = static_cast<std::size_t>(network_.inputs()) * bytes_of(network_.input_numbers);
  Eigen::VectorXf row(targets->cols());
  for (std::size_t n = 0; n < images.size(); ++n) {
    std::memcpy(row.data(), images[n] + behind, row.size() * sizeof(float));
    targets->row(n) = row.transpose();
  }
}

void NetworkExecutor::forward(std::span<const float> weights, int first) {
  for (std::size_t i = first; i < passes_.size(); ++i) passes_[i]->forward(weights);
}

LossSum NetworkExecutor::loss(std::span<const std::uint8_t> labels) { return loss_.loss(logits_, labels); }

SampleRuns NetworkExecutor::tangent_runs(std::size_t layer) {
  if (layer == passes_.size()) {
    if (logit_tangents_.size() == 0) logit_tangents_ = Eigen::ArrayXXf::Zero(logits_.rows(), logits_.cols());
    return runs_of(logit_tangents_);
  }
  auto& memory = tangents_[layer];
  const auto input = passes_[layer]->input();
  if (memory.empty()) memory.assign(input.size(), 0.0F);
  auto runs = passes_[layer]->input_runs();
  runs.data = memory.data() + (runs.data - input.data());
  return network_.layers[layer].convolution ? runs : as_image(runs, network_.layers[layer - 1]);
}

AlignedVector<float>& NetworkExecutor::preactivation_tangent(std::size_t layer) {
  auto& memory = network_.layers[layer].curved() ? preactivation_tangents_[layer] : preactivation_tangents_.back();
  memory.resize(passes_[layer]->preactivations());
  return memory;
}

const Eigen::ArrayXXf& NetworkExecutor::tangents(std::span<const float> weights, int layer,
                                                 std::span<const float> tangent) {
  std::size_t i = layer;
  passes_[i]->activate_tangent(tangent, tangent_runs(i + 1));
  for (++i; i < passes_.size(); ++i) {
    auto& moved = preactivation_tangent(i);
    passes_[i]->apply_weights(tangents_[i], weights.data() + network_.layers[i].weights, moved);
    passes_[i]->activate_tangent(moved, tangent_runs(i + 1));
  }
  return logit_tangents_;
}

DerivativeSum NetworkExecutor::derivatives(std::span<const float> weights, int layer, std::span<const float> tangent,
                                           std::span<const std::uint8_t> labels) {
  auto sum = loss_.derivatives(logits_, labels, tangents(weights, layer, tangent));
  if (network_.curved(layer)) sum.second = nan;
  return sum;
}

LossSum NetworkExecutor::backward(std::span<const float> weights, std::span<const std::uint8_t> labels,
                                  std::span<float> gradient, int first) {
  assert(static_cast<int>(labels.size()) == batch_ && logit_errors_.size() > 0);
  const auto result = loss_.loss_and_gradient(logits_, labels, 1.0F / batch_, logit_errors_);
  send_errors(weights, gradient, first);
  return result;
}

void NetworkExecutor::backpropagate(std::span<const float> weights, std::size_t layer) {
  assert(logit_errors_.size() > 0);
  for (std::size_t i = passes_.size(); i-- > layer;) {
    passes_[i]->receive_error();
    if (i > layer) passes_[i]->propagate_error(weights);
  }
}

void NetworkExecutor::select_logit(Index logit, int samples) {
  logit_errors_.setZero();
  logit_errors_.col(logit).head(samples).setOnes();
}

// The errors of a fully connected layer's outputs stand where the layer behind it, or the logits, have them.
void NetworkExecutor::read_errors(std::size_t layer, std::size_t samples, std::size_t stride, float* out) {
  const std::size_t outputs = network_.layers[layer].outputs;
  const auto errors = layer + 1 < passes_.size() ? passes_[layer + 1]->input_error() : runs_of(logit_errors_);
  for (std::size_t n = 0; n < samples; ++n)
    for (std::size_t o = 0; o < outputs; ++o) out[n * stride + o] = errors.data[o * errors.channel + n];
}

void NetworkExecutor::jacobian(std::span<const float> weights, int layer, int samples, std::span<float> out) {
  const auto target = static_cast<std::size_t>(layer), size = network_.layers[target].size();
  const std::size_t classes = network_.classes();
  for (std::size_t c = 0; c < classes; ++c) {
    select_logit(c, samples);
    backpropagate(weights, target);
    passes_[target]->sample_gradients(out.subspan(c * size), classes * size, samples);
  }
}

void NetworkExecutor::preactivation_jacobian(std::span<const float> weights, int layer, int samples,
                                             std::span<float> out) {
  const std::size_t target = layer;
  const std::size_t outputs = network_.layers[target].outputs;
  const std::size_t classes = network_.classes();
  for (std::size_t c = 0; c < classes; ++c) {
    select_logit(c, samples);
    backpropagate(weights, target);
    read_errors(target, samples, classes * outputs, out.data() + c * outputs);
  }
}

void NetworkExecutor::sample_gradients(std::span<const float> weights, int layer, std::span<const std::uint8_t> labels,
                                       std::span<float> out) {
  const std::size_t target = layer;
  (void)loss_.loss_and_gradient(logits_, labels, 1.0F, logit_errors_);
  backpropagate(weights, target);
  passes_[target]->sample_gradients(out, network_.layers[target].size(), labels.size());
}

void NetworkExecutor::preactivation_gradients(std::span<const float> weights, int layer,
                                              std::span<const std::uint8_t> labels, std::span<float> out) {
  const std::size_t target = layer;
  (void)loss_.loss_and_gradient(logits_, labels, 1.0F, logit_errors_);
  backpropagate(weights, target);
  read_errors(target, labels.size(), network_.layers[target].outputs, out.data());
}

Eigen::MatrixXf NetworkExecutor::samples_of_input(int layer, int samples) {
  const Index inputs = network_.layers[layer].inputs;
  const auto input = passes_[layer]->input();
  if (layer == 0) return Eigen::Map<const Eigen::MatrixXf>(input.data(), inputs, batch_).leftCols(samples);
  return Eigen::Map<const Eigen::MatrixXf>(input.data(), rows(), inputs).topRows(samples).transpose();
}

}  // namespace flatsweep
