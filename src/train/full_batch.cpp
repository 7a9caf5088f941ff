#include "flatsweep/train/full_batch.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace flatsweep {

namespace {

// Samples that are added up in double precision before the sum goes over to fixed point; the ranks deal these groups.
constexpr std::int64_t group_samples = 1024;

// Parts of means, in units of 2^-46: a gradient's component is resolved to 1.4e-14, and groups of up to 2^5 in size
// (far beyond any training that is going well) add up without overflow for 4096 groups.
constexpr double units = 0x1.0p46;
constexpr double most = 0x1.0p5;

}  // namespace

FullBatch::FullBatch(const Communicator& team, const Network& network, const ImageSet& set, Direction direction)
    : team_(team),
      set_(set),
      parameters_(network.parameters),
      propagator_(network, evaluation_batch(network) / 2, direction),
      sums_(direction == Direction::forward_only ? 3 : parameters_ + 3),
      block_gradient_(direction == Direction::forward_only ? 0 : parameters_),
      group_gradient_(block_gradient_.size()) {}

void FullBatch::add(std::size_t place, double value) {
  const bool fits = std::abs(value) < most;  // false for NaN
  sums_[place] += fits ? std::llrint(value * units) : 0;
  sums_.back() += fits ? 0 : 1;
}

void FullBatch::add_group(std::span<const float> weights, std::int64_t first, bool with_gradient) {
  const auto begin = static_cast<std::size_t>(first);
  const auto end = std::min(begin + group_samples, set_.labels.size());
  const auto batch = static_cast<std::size_t>(propagator_.batch());
  const std::size_t loss = sums_.size() - 3, errors = loss + 1;
  LossSum sum;
  std::ranges::fill(group_gradient_, 0.0);
  std::vector<const std::uint8_t*> images;
  for (std::size_t block = begin; block < end; block += batch) {
    images.clear();
    for (std::size_t i = block; i < std::min(block + batch, end); ++i) images.push_back(set_.image(i));
    const auto labels = set_.labels.subspan(block, images.size());
    propagator_.load(images);
    propagator_.forward(weights);
    sum += propagator_.loss(labels);
    if (!with_gradient) continue;
    propagator_.gradient_sum(weights, labels, block_gradient_);
    for (std::size_t j = 0; j < parameters_; ++j) group_gradient_[j] += static_cast<double>(block_gradient_[j]);
  }
  const auto count = static_cast<double>(set_.count());
  add(loss, sum.loss / count);
  sums_[errors] += sum.errors;
  for (std::size_t j = 0; with_gradient && j < parameters_; ++j) add(j, group_gradient_[j] / count);
}

Evaluation FullBatch::run(std::span<const float> weights, bool with_gradient) {
  std::ranges::fill(sums_, 0);
  for (std::int64_t first = team_.rank() * group_samples; first < set_.count(); first += team_.size() * group_samples)
    add_group(weights, first, with_gradient);
  team_.sum(with_gradient ? std::span(sums_) : std::span(sums_).last(3));
  const auto* tail = sums_.data() + sums_.size() - 3;
  const bool finite = tail[2] == 0;
  return {finite ? static_cast<double>(tail[0]) / units : std::numeric_limits<double>::quiet_NaN(),
          static_cast<double>(tail[1]) / static_cast<double>(set_.count())};
}

Evaluation FullBatch::evaluate(std::span<const float> weights) { return run(weights, false); }

Evaluation FullBatch::differentiate(std::span<const float> weights, std::span<float> gradient) {
  const auto result = run(weights, true);
  for (std::size_t j = 0; j < parameters_; ++j) gradient[j] = static_cast<float>(static_cast<double>(sums_[j]) / units);
  return result;
}

}  // namespace flatsweep
