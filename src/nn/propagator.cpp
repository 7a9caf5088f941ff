#include "flatsweep/nn/propagator.hpp"

#include "flatsweep/nn/pixels.hpp"
#include "flatsweep/nn/row_products.hpp"

#include <cassert>

namespace flatsweep {

using Eigen::Index;

Propagator::Propagator(const Network& network, int batch, Direction direction, MatrixProduct::Backend backend)
    : network_(network), batch_(batch), rows_(padded(batch)), cross_entropy_(rows_, network.classes()) {
  const bool backward = direction == Direction::forward_and_backward;
  inputs_.emplace_back();  // the first layer reads the images
  by_feature_.emplace_back(Eigen::MatrixXf::Zero(network.inputs(), batch));
  for (const auto& layer : network.layers) {
    LayerProducts products;
    products.forward = MatrixProduct({rows_, layer.outputs, layer.inputs, rows_, layer.inputs, rows_},
                                     Target::overwrite, SecondFactor::plain, backend);
    if (backward) {
      products.weight_gradient = MatrixProduct({layer.inputs, layer.outputs, batch, layer.inputs, rows_, layer.inputs},
                                               Target::overwrite, SecondFactor::plain, backend);
      products.input_gradient = MatrixProduct({rows_, layer.inputs, layer.outputs, rows_, layer.inputs, rows_},
                                              Target::overwrite, SecondFactor::transposed, backend);
      if (inputs_.size() > 1) by_feature_.emplace_back(Eigen::MatrixXf::Zero(layer.inputs, batch));
      errors_.emplace_back(Eigen::ArrayXXf::Zero(rows_, layer.outputs));
    }
    products_.push_back(products);
    inputs_.push_back(Eigen::ArrayXXf::Zero(rows_, layer.outputs));
  }
}

void Propagator::load(std::span<const std::uint8_t* const> images) {
  loaded_ = static_cast<int>(images.size());
  scale_pixels(images, network_.inputs(), by_feature_.front().data());
}

void Propagator::affine(const Layer& layer, std::size_t index, std::span<const float> weights) {
  auto& out = inputs_[index + 1];
  const float* w = weights.data() + layer.weights;
  if (index == 0)
    multiply_rows(by_feature_[0].data(), static_cast<std::size_t>(layer.inputs), loaded_, w, layer.inputs,
                  layer.outputs, out.data(), static_cast<std::size_t>(rows_));
  else
    products_[index].forward(inputs_[index].data(), w, out.data());
  const float* bias = weights.data() + layer.bias;
  if (layer.relu)
    for (Index j = 0; j < layer.outputs; ++j) out.col(j) = (out.col(j) + bias[j]).max(0.0F);
  else
    for (Index j = 0; j < layer.outputs; ++j) out.col(j) += bias[j];
}

void Propagator::forward(std::span<const float> weights, int first) {
  for (auto i = static_cast<std::size_t>(first); i < network_.layers.size(); ++i)
    affine(network_.layers[i], i, weights);
}

LossSum Propagator::loss(std::span<const std::uint8_t> labels) { return cross_entropy_.loss(inputs_.back(), labels); }

DerivativeSum Propagator::derivatives(std::span<const float> weights, int first, Eigen::ArrayXXf& tangent,
                                      std::span<const std::uint8_t> labels) {
  for (auto i = static_cast<std::size_t>(first); i < network_.layers.size(); ++i) {
    const auto& layer = network_.layers[i];
    Eigen::ArrayXXf next(rows_, layer.outputs);
    products_[i].forward(tangent.data(), weights.data() + layer.weights, next.data());
    if (layer.relu) next = (inputs_[i + 1] > 0.0F).select(next, 0.0F);
    tangent.swap(next);
  }
  return cross_entropy_.derivatives(inputs_.back(), labels, tangent);
}

LossSum Propagator::backward(std::span<const float> weights, std::span<const std::uint8_t> labels,
                             std::span<float> gradient) {
  assert(static_cast<int>(labels.size()) == batch_ && !errors_.empty());
  const auto result =
      cross_entropy_.loss_and_gradient(inputs_.back(), labels, 1.0F / static_cast<float>(batch_), errors_.back());
  for (std::size_t i = network_.layers.size(); i-- > 0;) {
    const auto& layer = network_.layers[i];
    auto& error = errors_[i];
    if (i > 0) by_feature_[i] = inputs_[i].topRows(batch_).matrix().transpose();
    products_[i].weight_gradient(by_feature_[i].data(), error.data(), gradient.data() + layer.weights);
    for (Index j = 0; j < layer.outputs; ++j) gradient[layer.bias + static_cast<std::size_t>(j)] = error.col(j).sum();
    if (i == 0) break;
    products_[i].input_gradient(error.data(), weights.data() + layer.weights, errors_[i - 1].data());
    // A ReLU's output is positive exactly where it lets the gradient through.
    errors_[i - 1] = (inputs_[i] > 0.0F).select(errors_[i - 1], 0.0F);
  }
  return result;
}

}  // namespace flatsweep
