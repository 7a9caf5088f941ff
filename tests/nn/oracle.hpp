#pragma once

#include "flatsweep/base/random.hpp"
#include "flatsweep/data/image_dataset.hpp"
#include "flatsweep/nn/network.hpp"
#include "nn/plain_activation.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

namespace flatsweep {

/// An image set that owns its memory: noise around a mean image for each class, so that it can be learnt. Real targets
/// are normal numbers around the class.
struct ToyImages {
  ToyImages(int count, int features, int classes, std::int64_t seed, double noise = 40.0,
            Targets targets = Targets::classes) {
    Random random(seed, RandomPurpose::simulation);
    std::vector<double> means(features * classes);
    Random means_random(1, RandomPurpose::simulation, 1);  // the same classes in all sets
    for (auto& mean : means) mean = means_random.uniform(0.0, 255.0);
    for (int i = 0; i < count; ++i) {
      const auto label = random.below(static_cast<std::uint32_t>(classes));
      labels.push_back(static_cast<std::uint8_t>(label));
      for (std::size_t f = 0; f < static_cast<std::size_t>(features); ++f) {
        const double value = means[label * static_cast<std::size_t>(features) + f] + noise * random.normal();
        pixels.push_back(static_cast<std::uint8_t>(std::clamp(value, 0.0, 255.0)));
      }
      for (int k = 0; k < classes && targets == Targets::real; ++k)
        add_target(static_cast<float>((std::cmp_equal(k, label) ? 1.0 : 0.0) + 0.5 * random.normal()));
    }
    set = {pixels, labels, features, {}, PixelType::bytes, targets == Targets::real ? classes : 0};
  }
  ~ToyImages() = default;
  ToyImages(const ToyImages&) = delete;
  ToyImages& operator=(const ToyImages&) = delete;

  [[nodiscard]] std::vector<const std::uint8_t*> pointers(std::size_t first, std::size_t count) const {
    std::vector<const std::uint8_t*> images;
    for (std::size_t i = first; i < first + count; ++i) images.push_back(set.image(i));
    return images;
  }

  std::vector<std::uint8_t> pixels, labels;
  ImageSet set;

 private:
  void add_target(float target) {
    const auto bytes = std::bit_cast<std::array<std::uint8_t, sizeof target>>(target);
    pixels.insert(pixels.end(), bytes.begin(), bytes.end());
  }
};

using Wide = std::vector<long double>;

inline Wide widen(std::span<const float> values) { return {values.begin(), values.end()}; }

/// sigma(W h + b) of a fully connected layer.
inline Wide plain_fully_connected(const Layer& layer, const Wide& weights, const Wide& h) {
  Wide z(static_cast<std::size_t>(layer.outputs));
  for (std::size_t o = 0; o < z.size(); ++o) {
    z[o] = weights[layer.bias + o];
    for (std::size_t i = 0; i < h.size(); ++i) z[o] += weights[layer.weights + o * h.size() + i] * h[i];
    z[o] = plain_activation(layer.activation, z[o]);
  }
  return z;
}

/// One number of a convolution before activation and pooling.
inline long double plain_place(const Layer& layer, const Wide& weights, const Wide& h, int o, int y, int x) {
  const auto& shape = *layer.convolution;
  const int k = shape.kernel;
  long double z = weights[layer.bias + static_cast<std::size_t>(o)];
  for (int c = 0; c < shape.input.channels; ++c)
    for (int i = 0; i < k; ++i)
      for (int j = 0; j < k; ++j) {
        const int row = y * shape.stride + i - shape.padding, column = x * shape.stride + j - shape.padding;
        if (row < 0 || row >= shape.input.height || column < 0 || column >= shape.input.width) continue;
        z += weights[layer.weights + static_cast<std::size_t>(((o * shape.input.channels + c) * k + i) * k + j)] *
             h[(c * shape.input.height + row) * shape.input.width + column];
      }
  return z;
}

/// The activation, then the largest or the mean of every square.
inline Wide plain_convolution(const Layer& layer, const Wide& weights, const Wide& h) {
  const auto& shape = *layer.convolution;
  Wide out;
  for (int o = 0; o < layer.outputs; ++o)
    for (int y = 0; y < shape.pooled_height(); ++y)
      for (int x = 0; x < shape.pooled_width(); ++x) {
        Wide square;
        for (int i = 0; i < shape.pool_height(); ++i)
          for (int j = 0; j < shape.pool_width(); ++j)
            square.push_back(plain_activation(
                layer.activation,
                plain_place(layer, weights, h, o, y * shape.pool_height() + i, x * shape.pool_width() + j)));
        const long double sum = std::accumulate(square.begin(), square.end(), 0.0L);
        out.push_back(shape.pooling == Pooling::mean ? sum / static_cast<long double>(square.size())
                                                     : *std::ranges::max_element(square));
      }
  return out;
}

/// Outputs of the network for one image, by plain loops.
inline Wide plain_logits(const Network& network, const Wide& weights, const std::uint8_t* image) {
  Wide h(static_cast<std::size_t>(network.inputs()));
  for (std::size_t f = 0; f < h.size(); ++f) h[f] = image[f] / 255.0L;
  for (const auto& layer : network.layers)
    h = layer.convolution ? plain_convolution(layer, weights, h) : plain_fully_connected(layer, weights, h);
  return h;
}

/// Softmax cross-entropy of one sample: log1p of the sum over the wrong classes of exp(y_j - y_c).
inline long double plain_loss(std::span<const long double> logits, std::size_t label) {
  long double sum = 0.0L;
  for (std::size_t j = 0; j < logits.size(); ++j)
    if (j != label) sum += std::exp(logits[j] - logits[label]);
  return std::log1p(sum);
}

/// The network's own loss of one sample of a set.
inline long double plain_loss(const Network& network, std::span<const long double> outputs, const ImageSet& set,
                              std::size_t sample) {
  const std::size_t label = set.labels[sample];
  if (network.loss == Loss::cross_entropy) return plain_loss(outputs, label);
  long double sum = 0.0L;
  for (std::size_t j = 0; j < outputs.size(); ++j) {
    float target = j == label ? 1.0F : 0.0F;
    if (set.targets > 0)
      std::memcpy(&target, set.image(sample) + static_cast<std::size_t>(set.features) + j * sizeof target,
                  sizeof target);
    sum += std::pow(outputs[j] - static_cast<long double>(target), 2.0L);
  }
  return 0.5L * sum;
}

struct PlainEvaluation {
  long double loss = 0.0L;  ///< summed over the samples
  int errors = 0;
};

/// Loss and errors over samples first..first+count-1 of a set.
inline PlainEvaluation plain_evaluation(const Network& network, const Wide& weights, const ImageSet& set,
                                        std::size_t first, std::size_t count) {
  PlainEvaluation sum;
  for (std::size_t s = first; s < first + count; ++s) {
    const auto logits = plain_logits(network, weights, set.image(s));
    sum.loss += plain_loss(network, logits, set, s);
    if (set.targets == 0) sum.errors += *std::ranges::max_element(logits) > logits[set.labels[s]] ? 1 : 0;
  }
  return sum;
}

}  // namespace flatsweep
