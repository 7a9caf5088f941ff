#include "flatsweep/nn/convolution_executor.hpp"

#include "flatsweep/nn/pixels.hpp"

#include <algorithm>

namespace flatsweep {

namespace {

ImageRows input_rows(const Convolution& c, int batch) {
  return {c.input.channels, c.input.height, c.input.width, batch, c.padding};
}

ImageRows preactivation_rows(const Layer& layer, int batch) {
  return {layer.outputs, layer.convolution->height(), layer.convolution->width(), batch, 0};
}

ImageRows error_rows(const Layer& layer, int batch) {
  const auto& c = *layer.convolution;
  return {layer.outputs, c.height(), c.width(), batch, c.kernel - 1 - c.padding};
}

}  // namespace

ConvolutionExecutor::Back::Back(const Layer& layer, int batch, const ImageRows& in)
    : errors(error_rows(layer, batch)),
      in_error(in.channels, in.height, in.width, batch, 0),
      error(errors.make()),
      input_error(in_error.make()),
      bias_gradient(layer.outputs),
      to_input(errors, in.channels, layer.convolution->kernel),
      kernels(in, errors, layer.convolution->kernel) {}

ConvolutionExecutor::ConvolutionExecutor(const Layer& layer, int batch, Direction direction, const LayerOutput& output)
    : layer_(layer),
      shape_(*layer.convolution),
      batch_(batch),
      output_(output),
      in_(input_rows(shape_, batch)),
      z_(preactivation_rows(layer, batch)),
      input_(in_.make()),
      line_((layer.outputs * shape_.pool) * z_.row, 0.0F),
      no_bias_(layer.outputs, 0.0F),
      correlation_(in_, layer.outputs, shape_.kernel),
      pool_(z_, shape_.pool) {
  if (direction == Direction::forward_and_backward) back_ = std::make_unique<Back>(layer, batch, in_);
}

void ConvolutionExecutor::load(std::span<const std::uint8_t* const> images, PixelType numbers) {
  spread_pixels(images, numbers, in_, input_.data());
}

void ConvolutionExecutor::forward(std::span<const float> weights) {
  correlation_.pack(weights.data() + layer_.weights, RowConvolution::Kernels::plain);
  const std::size_t channel = shape_.pool * z_.row;
  for (int line = 0; line < pool_.lines(); ++line) {
    for (int y = 0; y < shape_.pool; ++y)
      correlation_.row(input_.data(), line * shape_.pool + y, line_.data() + y * z_.row, channel);
    pool_.forward({line_.data(), channel, z_.row}, line, weights.data() + layer_.bias, output_.value);
  }
}

void ConvolutionExecutor::apply_weights(std::span<const float> input, const float* w, std::span<float> z) {
  correlation_.pack(w, RowConvolution::Kernels::plain);
  for (int y = 0; y < z_.height; ++y) correlation_.row(input.data(), y, z.data() + z_.at(0, y), z_.channel);
}

void ConvolutionExecutor::add_bias(std::span<const float> weights, std::span<float> z) const {
  for (int o = 0; o < z_.channels; ++o) {
    float* channel = z.data() + z_.at(o, 0);
    for (std::size_t i = 0; i < z_.channel; ++i) channel[i] += weights[layer_.bias + o];
  }
}

LineBlock ConvolutionExecutor::line_of(std::span<const float> z, int line) const {
  return {z.data() + z_.at(0, line * shape_.pool), z_.channel, z_.row};
}

void ConvolutionExecutor::activate(std::span<const float> z, std::span<const float> q, float step) {
  const std::size_t channel = shape_.pool * z_.row;
  for (int line = 0; line < pool_.lines(); ++line) {
    for (int o = 0; o < z_.channels; ++o) {
      const std::size_t at = z_.at(o, line * shape_.pool);
      float* moved = line_.data() + o * channel;
      for (std::size_t i = 0; i < channel; ++i) moved[i] = z[at + i] + step * q[at + i];
    }
    pool_.forward({line_.data(), channel, z_.row}, line, no_bias_.data(), output_.value);
  }
}

void ConvolutionExecutor::activate_tangent(std::span<const float> t, const SampleRuns& out) {
  for (int line = 0; line < pool_.lines(); ++line) pool_.tangent(line_of(t, line), line, out);
}

// Line by line, so that errors meet the input while they are in cache. Where no error of the input is wanted all lines
// share the memory of the first.
void ConvolutionExecutor::backward(std::span<const float> weights, std::span<float> gradient, InputError wanted) {
  auto& back = *back_;
  std::ranges::fill(back.bias_gradient, 0.0F);
  back.kernels.start();
  for (int line = 0; line < pool_.lines(); ++line) {
    const int first = line * shape_.pool, stored = wanted == InputError::wanted ? first : 0;
    pool_.backward(output_.error, line, {back.error.data(), back.errors, stored}, back.bias_gradient.data());
    for (int y = 0; y < shape_.pool; ++y) back.kernels.add_row(input_.data(), first + y, back.error.data(), stored + y);
  }
  back.kernels.finish(gradient.data() + layer_.weights);
  std::ranges::copy(back.bias_gradient, gradient.begin() + layer_.bias);
  if (wanted == InputError::wanted) propagate_error(weights);
}

void ConvolutionExecutor::receive_error() {
  for (int line = 0; line < pool_.lines(); ++line)
    pool_.backward(output_.error, line, {back_->error.data(), back_->errors, line * shape_.pool},
                   back_->bias_gradient.data());
}

void ConvolutionExecutor::bend_error(std::span<float> bend) { std::ranges::fill(bend, 0.0F); }

void ConvolutionExecutor::add_error(std::span<const float> addend) {
  auto& back = *back_;
  for (int o = 0; o < z_.channels; ++o)
    for (int y = 0; y < z_.height; ++y) {
      const float* from = addend.data() + z_.at(o, y);
      float* const to = back.error.data() + back.errors.at(o, y);
      for (int i = 0; i < z_.row_length(); ++i) to[i] += from[i];
    }
}

void ConvolutionExecutor::collect_gradient(std::span<const float> weights, std::span<float> gradient,
                                           InputError wanted) {
  auto& back = *back_;
  back.kernels.start();
  for (int y = 0; y < z_.height; ++y) back.kernels.add_row(input_.data(), y, back.error.data(), y);
  back.kernels.finish(gradient.data() + layer_.weights);
  for (int o = 0; o < z_.channels; ++o) {
    float& sum = gradient[layer_.bias + o] = 0.0F;
    for (int y = 0; y < z_.height; ++y)
      sum += Eigen::Map<const Eigen::VectorXf>(back.error.data() + back.errors.at(o, y), z_.row_length()).sum();
  }
  if (wanted == InputError::wanted) propagate_error(weights);
}

void ConvolutionExecutor::propagate_error(std::span<const float> weights) {
  auto& back = *back_;
  back.to_input.pack(weights.data() + layer_.weights, RowConvolution::Kernels::mirrored);
  for (int y = 0; y < in_.height; ++y)
    back.to_input.row(back.error.data(), y, back.input_error.data() + back.in_error.at(0, y), back.in_error.channel);
}

namespace {

/// Sums over the places of one output channel's error times the input that one kernel row meets there, a sample to a
/// lane.
void multiply_samples(const float* in, const float* error, std::size_t column_shift, int width, std::size_t step,
                      int columns, Vector* sums) {
  for (int x = 0; x < width; ++x) {
    const Vector e = load_vector(error + x * step);
    for (int j = 0; j < columns; ++j) sums[j] += e * load_vector(in + x * step + j * column_shift);
  }
}

}  // namespace

void ConvolutionExecutor::sample_gradients(std::span<float> out, std::size_t stride, int samples) {
  const int kernel = shape_.kernel;
  const std::size_t batch = batch_;
  std::vector<Vector, boost::alignment::aligned_allocator<Vector, line_bytes>> sums(kernel);
  for (int first = 0; first < samples; first += vector_lanes)
    for (int o = 0; o < layer_.outputs; ++o)
      for (int c = 0; c < in_.channels; ++c)
        for (int i = 0; i < kernel; ++i) {
          std::ranges::fill(sums, Vector{});
          for (int y = 0; y < z_.height; ++y) {
            const int from = y + i - shape_.padding;
            if (from < 0 || from >= in_.height) continue;
            const float* in = input_.data() + in_.at(c, from) - shape_.padding * batch;
            multiply_samples(in + first, back_->error.data() + back_->errors.at(o, y) + first, batch, z_.width, batch,
                             kernel, sums.data());
          }
          const std::size_t weight = ((o * in_.channels + c) * kernel + i) * kernel;
          for (int lane = 0; lane < std::min(vector_lanes, samples - first); ++lane)
            for (int j = 0; j < kernel; ++j) out[(first + lane) * stride + weight + j] = sums[j][lane];
        }
}

}  // namespace flatsweep
