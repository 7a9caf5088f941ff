#include "flatsweep/nn/dense_executor.hpp"

#include "flatsweep/base/index.hpp"
#include "flatsweep/linalg/entries.hpp"
#include "flatsweep/nn/pixels.hpp"
#include "flatsweep/nn/row_products.hpp"
#include "sample_runs.hpp"

#include <cassert>

namespace flatsweep {

namespace {
using ConstBlock = Eigen::Map<const Eigen::ArrayXXf>;

// Kernels of images may leave these rows as they find them. Memory goes from layer to layer and from one product to the
// next: what stands there would be multiplied by weights again and again, until it is infinite, and 0 times that no
// number.
void clear_rows_behind(std::span<float> z, Index rows, Index loaded) {
  if (loaded < rows) Eigen::Map<Eigen::ArrayXXf>(z.data(), rows, std::ssize(z) / rows).bottomRows(rows - loaded) = 0.0F;
}

}  // namespace

DenseExecutor::DenseExecutor(const Layer& layer, int batch, Input input, Direction direction,
                             MatrixProduct::Backend backend, const LayerOutput& output)
    : layer_(layer), batch_(batch), rows_(padded(batch)), loaded_(batch), kind_(input), output_(output) {
  assert(output.value.channel == static_cast<std::size_t>(rows_));
  if (!plain()) z_ = slope_ = Eigen::ArrayXXf::Zero(rows_, layer.outputs);
  const int in = layer.inputs, out = layer.outputs;
  const bool images = input == Input::images, backward = direction == Direction::forward_and_backward;
  if (!images) {
    input_ = Eigen::ArrayXXf::Zero(rows_, in);
    forward_ = MatrixProduct({rows_, out, in, rows_, in, rows_}, Target::overwrite, SecondFactor::plain, backend);
  }
  if (images && SparseImages::suits(in) && backend == MatrixProduct::Backend::best) sparse_.emplace(in, out, batch);
  if (images || backward) by_feature_ = Eigen::MatrixXf::Zero(in, batch);
  if (!backward) return;
  weight_gradient_ = MatrixProduct({in, out, batch, in, rows_, in}, Target::overwrite, SecondFactor::plain, backend);
  if (images) return;
  input_gradient_ =
      MatrixProduct({rows_, in, out, rows_, in, rows_}, Target::overwrite, SecondFactor::transposed, backend);
  input_error_ = Eigen::ArrayXXf::Zero(rows_, in);
}

void DenseExecutor::load(std::span<const std::uint8_t* const> images, PixelType numbers) {
  loaded_ = images.size();
  assert(loaded_ <= batch_);
  scale_pixels(images, numbers, layer_.inputs, by_feature_.data());
  use_sparse_ = numbers == PixelType::bytes && sparse_ && sparse_->scan(images);
}

std::span<float> DenseExecutor::input() {
  if (kind_ == Input::images) return entries(by_feature_);
  return entries(input_);
}

// The numbers of an image's places follow one another in the flattened order (channel, y, x), `rows` apart.
SampleRuns DenseExecutor::input_runs() { return runs_of(input_); }
SampleRuns DenseExecutor::input_error() { return runs_of(input_error_); }
std::span<float> DenseExecutor::input_error_memory() { return entries(input_error_); }

std::size_t DenseExecutor::preactivations() const { return rows_ * layer_.outputs; }

void DenseExecutor::apply_weights(std::span<const float> input, const float* w, std::span<float> z) {
  if (use_sparse_)
    sparse_->multiply(input.data(), w, z.data(), rows_);
  else if (kind_ == Input::images)
    multiply_rows(input.data(), layer_.inputs, loaded_, w, layer_.inputs, layer_.outputs, z.data(), rows_);
  else
    forward_(input.data(), w, z.data());
  if (kind_ == Input::images) clear_rows_behind(z, rows_, loaded_);
}

void DenseExecutor::add_bias(std::span<const float> weights, std::span<float> z) const {
  Block block(z.data(), rows_, layer_.outputs);
  for (Index j = 0; j < layer_.outputs; ++j) block.col(j) += weights[layer_.bias + j];
}

void DenseExecutor::forward(std::span<const float> weights) {
  if (!plain()) {
    apply_weights(input(), weights.data() + layer_.weights, entries(z_));
    add_bias(weights, entries(z_));
    return flatsweep::activate(layer_.activation, entries(z_), {output().data(), preactivations()});
  }
  auto out = output();
  apply_weights(input(), weights.data() + layer_.weights, {out.data(), preactivations()});
  const float* bias = weights.data() + layer_.bias;
  if (relu())
    for (Index j = 0; j < layer_.outputs; ++j) out.col(j) = (out.col(j) + bias[j]).max(0.0F);
  else
    for (Index j = 0; j < layer_.outputs; ++j) out.col(j) += bias[j];
}

void DenseExecutor::activate(std::span<const float> z, std::span<const float> q, float step) {
  const ConstBlock from(z.data(), rows_, layer_.outputs), along(q.data(), rows_, layer_.outputs);
  if (relu()) {
    output() = (from + step * along).max(0.0F);
  } else if (plain()) {
    output() = from + step * along;
  } else {
    z_ = from + step * along;
    flatsweep::activate(layer_.activation, entries(z_), {output().data(), preactivations()});
  }
}

void DenseExecutor::activate_tangent(std::span<const float> t, const SampleRuns& out) {
  const ConstBlock tangent(t.data(), rows_, layer_.outputs);
  Block moved(out.data, rows_, layer_.outputs);
  if (relu()) {
    moved = (output() > 0.0F).select(tangent, 0.0F);
  } else if (plain()) {
    moved = tangent;
  } else {
    differentiate();
    moved = slope_ * tangent;
  }
}

// A ReLU's output is positive exactly where it lets the gradient through.
void DenseExecutor::receive_error() {
  if (relu()) error() = (output() > 0.0F).select(error(), 0.0F);
  if (plain()) return;
  differentiate();
  error() *= slope_;
}

void DenseExecutor::differentiate() { activation_slope(layer_.activation, entries(z_), entries(slope_)); }

void DenseExecutor::bend_error(std::span<float> bend) {
  Block out(bend.data(), rows_, layer_.outputs);
  if (!layer_.curved()) {
    out.setZero();
    return;
  }
  activation_curvature(layer_.activation, entries(z_), bend);
  out *= error();
}

void DenseExecutor::add_error(std::span<const float> addend) {
  error() += ConstBlock(addend.data(), rows_, layer_.outputs);
}

void DenseExecutor::backward(std::span<const float> weights, std::span<float> gradient, InputError wanted) {
  receive_error();
  collect_gradient(weights, gradient, wanted);
}

void DenseExecutor::collect_gradient(std::span<const float> weights, std::span<float> gradient, InputError wanted) {
  if (kind_ == Input::activations) by_feature_ = input_.topRows(batch_).matrix().transpose();
  float* const weights_gradient = gradient.data() + layer_.weights;
  if (use_sparse_)
    sparse_->gradient(by_feature_.data(), output_.error.data, rows_, weights_gradient);
  else
    weight_gradient_(by_feature_.data(), output_.error.data, weights_gradient);
  for (Index j = 0; j < layer_.outputs; ++j) gradient[layer_.bias + j] = error().col(j).sum();
  if (wanted == InputError::wanted) propagate_error(weights);
}

void DenseExecutor::propagate_error(std::span<const float> weights) {
  input_gradient_(output_.error.data, weights.data() + layer_.weights, input_error_.data());
}

void DenseExecutor::sample_gradients(std::span<float> out, std::size_t stride, int samples) {
  const bool images = kind_ == Input::images;
  for (Index n = 0; n < samples; ++n) {
    Eigen::Map<Eigen::MatrixXf> gradient(out.data() + n * stride, layer_.inputs, layer_.outputs);
    const auto errors = error().row(n).matrix();
    if (images)
      gradient.noalias() = by_feature_.col(n) * errors;
    else
      gradient.noalias() = input_.row(n).matrix().transpose() * errors;
  }
}

}  // namespace flatsweep
