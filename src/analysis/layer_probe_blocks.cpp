#include "flatsweep/analysis/layer_probe.hpp"
#include "flatsweep/analysis/logit_margin.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/train/evaluator.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>
#include <utility>

// What a probe computes of every sample when it is made.
namespace flatsweep {

bool LayerProbe::only_outputs_behind() const {
  return layer_ + 2 == std::ssize(network_.layers) && !layer().convolution && layer().activation == Activation::relu &&
         network_.loss == Loss::cross_entropy;
}

void LayerProbe::build_gaps() {
  const auto& head = network_.layers.back();
  const auto row = [&](int c) {
    return Eigen::Map<const Eigen::VectorXf>(&weights_[head.weights + c * head.inputs], head.inputs);
  };
  for (int right = 0; right < head.outputs; ++right) {
    auto& gaps = gaps_.emplace_back();
    for (int c = 0; c < head.outputs; ++c) {
      if (c == right) continue;
      const Eigen::VectorXf difference = row(c) - row(right);
      gaps.weights.insert(gaps.weights.end(), difference.begin(), difference.end());
      gaps.bias.push_back(weights_[head.bias + c] - weights_[head.bias + right]);
      gaps.reach = std::max<double>(gaps.reach, difference.norm());
    }
  }
}

/// Sorts by class, and within a class from the largest loss at w_0 to the smallest.
/// @return a number for each sample that grows with its loss, which is ln(1 + e^number)
std::vector<double> LayerProbe::sort_samples() {
  std::vector<double> excess(set_.count());
  for_each_block(set_, executor_.batch(), [&](std::int64_t first, auto images, auto labels) {
    executor_.load(images);
    executor_.forward(weights_);
    for (std::size_t i = 0; i < labels.size(); ++i) {
      const auto margin = logit_margin(executor_.logits(), i, labels[i]);
      const double number = margin.log_others - margin.gap;
      excess[first + i] = std::isnan(number) ? std::numeric_limits<double>::infinity() : number;
    }
  });
  std::ranges::sort(order_, {}, [&](std::int64_t n) { return std::tuple(set_.labels[n], -excess[n], n); });
  return excess;
}

/// @param excess of the loss of every sample, or nothing where blocks may hold any samples
void LayerProbe::cut_into_blocks(const std::vector<double>& excess) {
  const std::span<const std::int64_t> order = order_;
  for (std::size_t first = 0; first < order.size();) {
    auto& block = blocks_.emplace_back();
    const auto in_block = [&](std::size_t at) {
      return at < order.size() && std::cmp_less(at - first, executor_.batch()) &&
             (excess.empty() || set_.labels[order[at]] == set_.labels[order[first]]);
    };
    std::size_t end = first;
    for (; in_block(end); ++end) block.labels.push_back(set_.labels[order[end]]);
    block.samples = order.subspan(first, end - first);
    first = end;
  }
  if (!excess.empty())
    std::ranges::stable_sort(blocks_, {}, [&](const Block& block) { return excess[block.samples.front()]; });
}

std::vector<const std::uint8_t*> LayerProbe::images_of(const Block& block) const {
  std::vector<const std::uint8_t*> images;
  for (const auto sample : block.samples) images.push_back(set_.image(sample));
  return images;
}

void LayerProbe::run_blocks() {
  const std::size_t inputs = pass_.input().size(), outputs = pass_.preactivations();
  if (layer_ > 0) inputs_ = LargeArray(blocks_.size() * inputs);
  if (!layer().convolution) preactivations_ = LargeArray(blocks_.size() * outputs);
  if (!gaps_.empty()) probabilities_ = LargeArray(blocks_.size() * executor_.rows() * gaps_.front().bias.size());
  double sum = 0.0;
  for (std::size_t b = 0; b < blocks_.size(); ++b) {
    auto& block = blocks_[b];
    executor_.load(images_of(block));
    executor_.forward(weights_);
    block.loss = executor_.loss(block.labels).loss;
    sum += block.loss;
    const std::span<const float> input = pass_.input();
    if (!inputs_.empty()) std::ranges::copy(input, inputs_.part(b, inputs).begin());
    if (!preactivations_.empty()) preactivate(input, preactivations_.part(b, outputs));
    if (!gaps_.empty()) keep_probabilities(b);
  }
  loss_ = sum / set_.count();
}

void LayerProbe::keep_probabilities(std::size_t number) {
  const auto& block = blocks_[number];
  const auto& logits = executor_.logits();
  const Index rows = logits.rows();
  const auto kept = probabilities_.part(number, rows * gaps_.front().bias.size());
  std::ranges::fill(kept, 0.0F);
  for (Index n = 0; n < block.size(); ++n) {
    const Eigen::ArrayXd y = logits.row(n).cast<double>().transpose();
    const Eigen::ArrayXd exponentials = (y - y.maxCoeff()).exp();
    const double sum = exponentials.sum();
    for (Index c = 0, at = n; c < y.size(); ++c) {
      if (c == block.labels.front()) continue;
      kept[at] = exponentials(c) / sum;
      at += rows;
    }
  }
}

}  // namespace flatsweep
