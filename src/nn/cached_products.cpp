#include "flatsweep/nn/cached_products.hpp"

#include "flatsweep/nn/activation.hpp"

#include <algorithm>
#include <cassert>

namespace flatsweep {

namespace {

constexpr std::size_t samples = CachedProducts::block_samples;
constexpr std::size_t blocks_per_flush = 4;  // sums of more samples go on in double precision

/// to[i * stride + o] = from[o * columns + i].
void transpose_rows(const float* from, std::size_t rows, std::size_t columns, std::size_t stride, float* to) {
  for (std::size_t o = 0; o < rows; ++o)
    for (std::size_t i = 0; i < columns; ++i) to[i * stride + o] = from[o * columns + i];
}

void pad_rows(const float* from, std::size_t rows, std::size_t columns, std::size_t stride, float* to) {
  for (std::size_t o = 0; o < rows; ++o) std::copy_n(from + o * columns, columns, to + o * stride);
}

/// to = from + bias where the unit is open.
void open_units(const float* from, const float* bias, const float* units, std::size_t stride, float* to) {
  const Vector zero = {};
  for (std::size_t n = 0; n < samples; ++n)
    for (std::size_t i = 0; i < stride; i += vector_lanes) {
      const Vector value = load_vector(from + n * stride + i) + load_vector(bias + i);
      store_vector(to + n * stride + i, load_vector(units + n * stride + i) > zero ? value : zero);
    }
}

/// values += bias, in every sample.
void add_bias(const float* bias, std::size_t stride, float* values) {
  for (std::size_t n = 0; n < samples; ++n)
    for (std::size_t i = 0; i < stride; i += vector_lanes)
      store_vector(values + n * stride + i, load_vector(values + n * stride + i) + load_vector(bias + i));
}

void multiply_into(const AlignedVector<float>& factor, const float* from, float* to) {
  for (std::size_t i = 0; i < factor.size(); i += vector_lanes)
    store_vector(to + i, load_vector(&factor[i]) * load_vector(from + i));
}

void add_products(const AlignedVector<float>& a, const AlignedVector<float>& b, float* sum) {
  for (std::size_t i = 0; i < a.size(); i += vector_lanes)
    store_vector(sum + i, load_vector(sum + i) + load_vector(&a[i]) * load_vector(&b[i]));
}

float sum_of_lanes(Vector v) {
  float sum = 0.0F;
  for (int lane = 0; lane < vector_lanes; ++lane) sum += v[lane];
  return sum;
}

/// How the error of one sample's logits changes when they move as t. The errors of the wrong classes are their
/// probabilities q, that of the right one is minus their sum: with u = t - t_right the changes are q (u - q.u), and
/// they add up to 0. Of g g^T it is the error times e.t = q.u.
void change_error(CachedProducts::Matrix matrix, const float* e, const float* t, std::size_t stride, std::size_t label,
                  float* change) {
  const Vector zero = {}, right = Vector{} + t[label];
  const auto probability = [&](std::size_t c) {
    const Vector error = load_vector(e + c);
    return error > zero ? error : zero;
  };
  Vector products = {};
  for (std::size_t c = 0; c < stride; c += vector_lanes) products += probability(c) * (load_vector(t + c) - right);
  const float mean = sum_of_lanes(products);
  Vector sum = {};
  for (std::size_t c = 0; c < stride; c += vector_lanes) {
    const Vector factor =
        matrix == CachedProducts::Matrix::empirical_fisher ? Vector{} + mean : load_vector(t + c) - right - mean;
    const Vector entry = probability(c) * factor;
    sum += entry;
    store_vector(change + c, entry);
  }
  change[label] = -sum_of_lanes(sum);
}

void add_rows(const float* rows, std::size_t stride, float* sum) {
  for (std::size_t n = 0; n < samples; ++n)
    for (std::size_t i = 0; i < stride; i += vector_lanes)
      store_vector(sum + i, load_vector(sum + i) + load_vector(rows + n * stride + i));
}

void move_to(AlignedVector<float>& from, std::vector<double>& to) {
  for (std::size_t i = 0; i < from.size(); ++i) to[i] += from[i];
  std::ranges::fill(from, 0.0F);
}

}  // namespace

bool CachedProducts::suits(const Network& network, std::int64_t samples, std::size_t most_bytes) {
  if (network.convolutional() || network.loss != Loss::cross_entropy || network.input_numbers != PixelType::bytes)
    return false;
  return bytes(network, samples) <= most_bytes;
}

std::size_t CachedProducts::bytes(const Network& network, std::int64_t samples) {
  std::size_t numbers = static_cast<std::size_t>(network.inputs()) * 3 / 2;  // pixels and where they are, at most
  for (const auto& layer : network.layers) {
    const bool hidden = &layer != &network.layers.back();
    const int of_activation = !hidden || layer.activation == Activation::relu ? 0 : layer.curved() ? 2 : 1;
    numbers += (2 + of_activation) * whole_registers(layer.outputs);
  }
  return static_cast<std::size_t>(samples) * numbers * sizeof(float);
}

CachedProducts::CachedProducts(const Network& network, std::span<const float> weights)
    : network_(network),
      weights_(weights.begin(), weights.end()),
      executor_(network, block_samples, Direction::forward_and_backward),
      layers_(network.layers.size()) {
  for (std::size_t l = 0; l < layers_.size(); ++l) {
    const auto& layer = network.layers[l];
    auto& work = layers_[l];
    work.outputs = whole_registers(layer.outputs);
    work.inputs = l == 0 ? PackedImages::padded_features(layer.inputs) : whole_registers(layer.inputs);
    const int in = work.inputs, out = static_cast<int>(work.outputs), n = block_samples;
    const auto area = [&](std::size_t a, std::size_t b) { return AlignedVector<float>(a * b, 0.0F); };
    work.forward_v = area(work.inputs, work.outputs);
    work.error_change = area(samples, work.outputs);
    work.gradient = l == 0 ? area(work.inputs, work.outputs) : area(layer.outputs, work.inputs);
    work.bias = area(1, work.outputs);
    work.gradient_sum.resize(work.gradient.size());
    work.bias_sum.resize(work.bias.size());
    if (layer.curved()) work.moved = area(samples, work.outputs);
    if (l == 0) continue;
    work.tangent = area(samples, work.inputs);
    work.forward = area(work.inputs, work.outputs);
    work.back = area(layer.outputs, work.inputs);
    work.back_v = work.back;
    const float* w = weights_.data() + layer.weights;
    const std::size_t rows = layer.outputs, columns = layer.inputs;
    transpose_rows(w, rows, columns, work.outputs, work.forward.data());
    pad_rows(w, rows, columns, work.inputs, work.back.data());
    const ProductShape up{out, n, layer.inputs, out, in, out}, down{in, n, layer.outputs, in, out, in};
    work.apply = MatrixProduct(up, Target::overwrite);
    work.add_response = MatrixProduct(up, Target::accumulate);
    work.pull = MatrixProduct(down, Target::overwrite);
    work.add_pull = MatrixProduct(down, Target::accumulate);
    work.add_gradient =
        MatrixProduct({in, layer.outputs, n, in, out, in}, Target::accumulate, SecondFactor::transposed);
  }
  std::size_t widest = 0;
  for (const auto& work : layers_) widest = std::max({widest, work.outputs, &work == layers_.data() ? 0 : work.inputs});
  responses_.resize(samples * widest);
}

void CachedProducts::add(std::span<const std::uint8_t* const> images, std::span<const std::uint8_t> labels) {
  assert(labels.size() <= samples);
  executor_.load(images);
  executor_.forward(weights_);
  Block block{
      PackedImages(images, network_.inputs()), {labels.begin(), labels.end()}, std::vector<LayerState>(layers_.size())};
  for (std::size_t l = 0; l < layers_.size(); ++l) {
    if (l > 0) block.layers[l].input = keep_input(l, labels.size());
    if (l > 0 || l + 1 == layers_.size()) block.layers[l].error = keep_error(l, labels);
  }
  for (std::size_t l = 0; l + 1 < layers_.size(); ++l)
    if (network_.layers[l].activation != Activation::relu) keep_slopes(block, l);
  blocks_.push_back(std::move(block));
}

AlignedVector<float> CachedProducts::keep_input(std::size_t layer, std::size_t count) {
  AlignedVector<float> rows(samples * layers_[layer].inputs, 0.0F);
  const Eigen::MatrixXf input = executor_.samples_of_input(layer, count);
  pad_rows(input.data(), count, input.rows(), layers_[layer].inputs, rows.data());
  return rows;
}

AlignedVector<float> CachedProducts::keep_error(std::size_t layer, std::span<const std::uint8_t> labels) {
  AlignedVector<float> rows(samples * layers_[layer].outputs, 0.0F);
  const std::size_t outputs = network_.layers[layer].outputs;
  scratch_.resize(samples * outputs);
  executor_.preactivation_gradients(weights_, layer, labels, scratch_);
  pad_rows(scratch_.data(), labels.size(), outputs, layers_[layer].outputs, rows.data());
  return rows;
}

/// Of a layer behind whose inputs are kept.
void CachedProducts::keep_slopes(Block& block, std::size_t layer) {
  const auto& of = network_.layers[layer];
  const auto& work = layers_[layer];
  auto& kept = block.layers[layer];
  AlignedVector<float> z(samples * work.outputs, 0.0F), bias(work.outputs, 0.0F);
  if (layer == 0) {
    AlignedVector<float> weights(work.inputs * work.outputs, 0.0F);
    transpose_rows(weights_.data() + of.weights, of.outputs, of.inputs, work.outputs, weights.data());
    block.images.add_products(weights.data(), work.outputs, z.data());
  } else {
    work.apply(work.forward.data(), kept.input.data(), z.data());
  }
  std::copy_n(weights_.begin() + static_cast<std::ptrdiff_t>(of.bias), of.outputs, bias.begin());
  add_bias(bias.data(), work.outputs, z.data());
  kept.slope.resize(z.size());
  activation_slope(of.activation, z, kept.slope);
  if (!of.curved()) return;
  const auto& behind = layers_[layer + 1];
  kept.bend.resize(z.size());
  activation_curvature(of.activation, z, kept.bend);
  behind.pull(behind.back.data(), block.layers[layer + 1].error.data(), z.data());
  multiply_into(kept.bend, z.data(), kept.bend.data());
}

void CachedProducts::prepare(std::span<const float> direction, std::size_t first) {
  for (std::size_t l = first; l < layers_.size(); ++l) {
    const auto& layer = network_.layers[l];
    auto& work = layers_[l];
    const float* v = direction.data() + layer.weights;
    const std::size_t rows = layer.outputs, columns = layer.inputs;
    transpose_rows(v, rows, columns, work.outputs, work.forward_v.data());
    if (l > 0) pad_rows(v, rows, columns, work.inputs, work.back_v.data());
    std::ranges::fill(work.gradient_sum, 0.0);
    std::ranges::fill(work.bias_sum, 0.0);
  }
}

// z' = W h' + V h + v_b, h' = sigma'(z) z', of ReLU z' where the unit is open.
void CachedProducts::forward(const Block& block, std::span<const float> direction, std::size_t first) {
  for (std::size_t l = first; l < layers_.size(); ++l) {
    auto& work = layers_[l];
    float* const z = responses_.data();
    if (l == 0) {
      std::fill_n(z, samples * work.outputs, 0.0F);
      block.images.add_products(work.forward_v.data(), work.outputs, z);
    } else {
      work.apply(work.forward_v.data(), block.layers[l].input.data(), z);
      if (l > first) work.add_response(work.forward.data(), work.tangent.data(), z);
    }
    const float* bias = direction.data() + network_.layers[l].bias;
    scratch_.assign(work.outputs, 0.0F);
    std::copy_n(bias, network_.layers[l].outputs, scratch_.begin());
    const auto& kept = block.layers[l];
    if (!kept.slope.empty()) {
      add_bias(scratch_.data(), work.outputs, z);
      if (!kept.bend.empty()) std::copy_n(z, work.moved.size(), work.moved.begin());
      multiply_into(kept.slope, z, layers_[l + 1].tangent.data());
    } else if (l + 1 < layers_.size())
      open_units(z, scratch_.data(), block.layers[l + 1].input.data(), work.outputs, layers_[l + 1].tangent.data());
    else
      add_bias(scratch_.data(), work.outputs, z);
  }
}

void CachedProducts::change_errors(Matrix matrix, const Block& block) {
  auto& last = layers_.back();
  const float* e = block.layers.back().error.data();
  for (std::size_t n = 0; n < block.labels.size(); ++n)
    change_error(matrix, e + n * last.outputs, responses_.data() + n * last.outputs, last.outputs, block.labels[n],
                 last.error_change.data() + n * last.outputs);
  std::fill(last.error_change.begin() + (block.labels.size() * last.outputs), last.error_change.end(), 0.0F);
}

// The gradient e h^T changes by e' h^T + e h'^T, the error f = W^T e of the input by f' = W^T e' + V^T e, and that of
// the layer before, sigma'(z) f, by sigma'(z) f' + sigma''(z) z' f.
void CachedProducts::backward(Matrix matrix, const Block& block, std::size_t first) {
  const bool hessian = matrix == Matrix::hessian;
  for (std::size_t l = layers_.size(); l-- > first;) {
    auto& work = layers_[l];
    add_rows(work.error_change.data(), work.outputs, work.bias.data());
    if (l == 0) {
      block.images.add_gradient(work.error_change.data(), work.outputs, work.gradient.data());
      break;
    }
    const auto& state = block.layers[l];
    work.add_gradient(state.input.data(), work.error_change.data(), work.gradient.data());
    if (hessian && l > first) work.add_gradient(work.tangent.data(), state.error.data(), work.gradient.data());
    if (l == first) break;
    work.pull(work.back.data(), work.error_change.data(), responses_.data());
    if (hessian) work.add_pull(work.back_v.data(), state.error.data(), responses_.data());
    const auto& before = block.layers[l - 1];
    float* const change = layers_[l - 1].error_change.data();
    if (!before.slope.empty()) {
      multiply_into(before.slope, responses_.data(), change);
      if (hessian && !before.bend.empty()) add_products(before.bend, layers_[l - 1].moved, change);
      continue;
    }
    scratch_.assign(work.inputs, 0.0F);
    open_units(responses_.data(), scratch_.data(), state.input.data(), work.inputs, change);
  }
}

void CachedProducts::flush(std::size_t first) {
  for (std::size_t l = first; l < layers_.size(); ++l) {
    move_to(layers_[l].gradient, layers_[l].gradient_sum);
    move_to(layers_[l].bias, layers_[l].bias_sum);
  }
}

void CachedProducts::add_sums(std::size_t first, std::span<double> sum) const {
  for (std::size_t l = first; l < layers_.size(); ++l) {
    const auto& layer = network_.layers[l];
    const auto& work = layers_[l];
    const std::size_t inputs = layer.inputs;
    for (std::size_t o = 0; o < static_cast<std::size_t>(layer.outputs); ++o) {
      for (std::size_t i = 0; i < inputs; ++i)
        sum[layer.weights + o * inputs + i] +=
            l == 0 ? work.gradient_sum[i * work.outputs + o] : work.gradient_sum[o * work.inputs + i];
      sum[layer.bias + o] += work.bias_sum[o];
    }
  }
}

void CachedProducts::multiply(Matrix matrix, std::span<const float> direction, std::size_t first,
                              std::span<double> sum) {
  prepare(direction, first);
  for (std::size_t b = 0; b < blocks_.size(); ++b) {
    forward(blocks_[b], direction, first);
    change_errors(matrix, blocks_[b]);
    backward(matrix, blocks_[b], first);
    if ((b + 1) % blocks_per_flush == 0 || b + 1 == blocks_.size()) flush(first);
  }
  add_sums(first, sum);
}

}  // namespace flatsweep
