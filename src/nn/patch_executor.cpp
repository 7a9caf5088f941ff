#include "flatsweep/nn/patch_executor.hpp"

#include "flatsweep/base/index.hpp"
#include "flatsweep/linalg/entries.hpp"
#include "flatsweep/nn/pixels.hpp"

#include <algorithm>
#include <cmath>

namespace flatsweep {

namespace {}  // namespace

bool has_fused_kernels(const Layer& convolution) {
  const auto& c = *convolution.convolution;
  return convolution.activation == Activation::relu && c.stride == 1 && c.pooling == Pooling::largest && !c.global_pool;
}

PatchExecutor::PatchExecutor(const Layer& layer, int batch, Direction direction, const LayerOutput& output)
    : layer_(layer),
      shape_(*layer.convolution),
      batch_(batch),
      output_(output),
      in_(shape_.input.channels, shape_.input.height, shape_.input.width, batch, 0),
      input_(in_.make()),
      patches_(Matrix::Zero(layer.output_positions() * batch, layer.inputs)),
      z_(Matrix::Zero(patches_.rows(), layer.outputs)),
      values_(z_),
      choices_(shape_.pooling == Pooling::largest ? layer.output_features() * batch : 0) {
  if (direction == Direction::forward_only) return;
  input_error_ = in_.make();
  error_ = z_;
}

void PatchExecutor::load(std::span<const std::uint8_t* const> images, PixelType numbers) {
  spread_pixels(images, numbers, in_, input_.data());
}

std::size_t PatchExecutor::preactivations() const { return z_.size(); }

template <class Pointer, class Visit>
void PatchExecutor::for_each_run(Pointer input, Visit visit) const {
  Index column = 0;
  for (int c = 0; c < in_.channels; ++c)
    for (int i = 0; i < shape_.kernel; ++i)
      for (int j = 0; j < shape_.kernel; ++j, ++column) {
        Index row = 0;
        for (int y = 0; y < shape_.height(); ++y)
          for (int x = 0; x < shape_.width(); ++x, row += batch_) {
            const int v = y * shape_.stride + i - shape_.padding, u = x * shape_.stride + j - shape_.padding;
            const bool inside = v >= 0 && v < in_.height && u >= 0 && u < in_.width;
            visit(column, row, inside ? input + in_.at(c, v) + u * batch_ : nullptr);
          }
      }
}

void PatchExecutor::cut_patches(const float* input) {
  for_each_run(input, [&](Index column, Index row, const float* from) {
    float* const to = &patches_(row, column);
    if (from != nullptr)
      std::copy_n(from, batch_, to);
    else
      std::fill_n(to, batch_, 0.0F);
  });
}

void PatchExecutor::apply_weights(std::span<const float> input, const float* w, std::span<float> z) {
  cut_patches(input.data());
  Eigen::Map<Matrix>(z.data(), z_.rows(), z_.cols()).noalias() =
      patches_ * Eigen::Map<const Matrix>(w, layer_.inputs, layer_.outputs);
}

void PatchExecutor::add_bias(std::span<const float> weights, std::span<float> z) const {
  Eigen::Map<Matrix>(z.data(), z_.rows(), z_.cols()).rowwise() +=
      Eigen::Map<const Eigen::RowVectorXf>(weights.data() + layer_.bias, layer_.outputs);
}

void PatchExecutor::forward(std::span<const float> weights) {
  apply_weights(input_, weights.data() + layer_.weights, entries(z_));
  add_bias(weights, entries(z_));
  finish();
}

void PatchExecutor::activate(std::span<const float> z, std::span<const float> q, float step) {
  z_ = Eigen::Map<const Matrix>(z.data(), z_.rows(), z_.cols()) +
       step * Eigen::Map<const Matrix>(q.data(), z_.rows(), z_.cols());
  finish();
}

void PatchExecutor::finish() {
  flatsweep::activate(layer_.activation, entries(z_), entries(values_));
  if (shape_.pooling == Pooling::largest)
    pool_largest();
  else
    pool_mean(values_, output_.value);
}

template <class Visit>
void PatchExecutor::for_each_square(Visit visit) const {
  std::size_t square = 0;
  for (int o = 0; o < layer_.outputs; ++o)
    for (int y = 0; y < shape_.pooled_height(); ++y)
      for (int x = 0; x < shape_.pooled_width(); ++x) visit(o, y, x, square++);
}

Index PatchExecutor::place(int y, int x, int number) const {
  const int row = y * shape_.pool_height() + number / shape_.pool_width();
  const int column = x * shape_.pool_width() + number % shape_.pool_width();
  return Index{row * shape_.width() + column} * batch_;
}

// Of equal numbers the first counts, and a NaN before all, as in PyTorch.
void PatchExecutor::pool_largest() {
  for_each_square([&](int o, int y, int x, std::size_t square) {
    float* const out = output_.value.at(o, y, x);
    std::uint8_t* const choice = choices_.data() + square * batch_;
    std::copy_n(&values_(place(y, x, 0), o), batch_, out);
    std::fill_n(choice, batch_, std::uint8_t{0});
    for (int number = 1; number < shape_.pool * shape_.pool; ++number) {
      const float* const other = &values_(place(y, x, number), o);
      for (int n = 0; n < batch_; ++n)
        if (other[n] > out[n] || std::isnan(other[n])) {
          out[n] = other[n];
          choice[n] = static_cast<std::uint8_t>(number);
        }
    }
  });
}

void PatchExecutor::pool_mean(const Matrix& from, const SampleRuns& out) const {
  const int places = shape_.pool_height() * shape_.pool_width();
  for_each_square([&](int o, int y, int x, std::size_t) {
    Eigen::Map<Eigen::VectorXf> mean(out.at(o, y, x), batch_);
    mean.setZero();
    for (int number = 0; number < places; ++number) mean += from.col(o).segment(place(y, x, number), batch_);
    mean /= places;
  });
}

void PatchExecutor::activate_tangent(std::span<const float> t, const SampleRuns& out) {
  activation_slope(layer_.activation, entries(z_), entries(values_));
  values_.array() *= Eigen::Map<const Eigen::ArrayXXf>(t.data(), z_.rows(), z_.cols());
  if (shape_.pooling == Pooling::mean) return pool_mean(values_, out);
  for_each_square([&](int o, int y, int x, std::size_t square) {
    const std::uint8_t* const choice = choices_.data() + square * batch_;
    float* const moved = out.at(o, y, x);
    for (int n = 0; n < batch_; ++n) moved[n] = values_(place(y, x, choice[n]) + n, o);
  });
}

void PatchExecutor::spread_error() {
  error_.setZero();
  const int places = shape_.pool_height() * shape_.pool_width();
  for_each_square([&](int o, int y, int x, std::size_t square) {
    const float* const error = output_.error.at(o, y, x);
    if (shape_.pooling == Pooling::largest)
      for (int n = 0; n < batch_; ++n) error_(place(y, x, choices_[square * batch_ + n]) + n, o) = error[n];
    else
      for (int number = 0; number < places; ++number)
        error_.col(o).segment(place(y, x, number), batch_) =
            Eigen::Map<const Eigen::VectorXf>(error, batch_) / static_cast<float>(places);
  });
}

void PatchExecutor::receive_error() {
  spread_error();
  activation_slope(layer_.activation, entries(z_), entries(values_));
  error_.array() *= values_.array();
}

void PatchExecutor::bend_error(std::span<float> bend) {
  spread_error();
  activation_curvature(layer_.activation, entries(z_), bend);
  Eigen::Map<Eigen::ArrayXXf>(bend.data(), z_.rows(), z_.cols()) *= error_.array();
}

void PatchExecutor::add_error(std::span<const float> addend) {
  error_ += Eigen::Map<const Matrix>(addend.data(), z_.rows(), z_.cols());
}

void PatchExecutor::backward(std::span<const float> weights, std::span<float> gradient, InputError wanted) {
  receive_error();
  collect_gradient(weights, gradient, wanted);
}

void PatchExecutor::collect_gradient(std::span<const float> weights, std::span<float> gradient, InputError wanted) {
  cut_patches(input_.data());
  Eigen::Map<Matrix>(gradient.data() + layer_.weights, layer_.inputs, layer_.outputs).noalias() =
      patches_.transpose() * error_;
  Eigen::Map<Eigen::RowVectorXf>(gradient.data() + layer_.bias, layer_.outputs) = error_.colwise().sum();
  if (wanted == InputError::wanted) propagate_error(weights);
}

// The patches' memory takes their errors; where patches overlap these add up.
void PatchExecutor::propagate_error(std::span<const float> weights) {
  patches_.noalias() =
      error_ * Eigen::Map<const Matrix>(weights.data() + layer_.weights, layer_.inputs, layer_.outputs).transpose();
  std::ranges::fill(input_error_, 0.0F);
  for_each_run(input_error_.data(), [&](Index column, Index row, float* to) {
    if (to != nullptr) Eigen::Map<Eigen::VectorXf>(to, batch_) += patches_.col(column).segment(row, batch_);
  });
}

void PatchExecutor::sample_gradients(std::span<float> out, std::size_t stride, int samples) {
  using OfSample = Eigen::Map<const Matrix, 0, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>>;
  cut_patches(input_.data());
  const Index positions = layer_.output_positions();
  const auto of_sample = [&](const Matrix& m, int n) {
    return OfSample(m.data() + n, positions, m.cols(), {m.rows(), batch_});
  };
  for (int n = 0; n < samples; ++n)
    Eigen::Map<Matrix>(out.data() + n * stride, layer_.inputs, layer_.outputs).noalias() =
        of_sample(patches_, n).transpose() * of_sample(error_, n);
}

}  // namespace flatsweep
