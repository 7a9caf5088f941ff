#include "flatsweep/train/full_batch.hpp"

#include "flatsweep/base/numbers.hpp"
#include "flatsweep/nn/block_samples.hpp"

#include <algorithm>
#include <cmath>

namespace flatsweep {

namespace {

// Samples that are added up in double precision before the sum goes over to fixed point; the ranks deal these groups.
constexpr std::int64_t group_samples = 1024;

// Parts of means, in units of 2^-46: a gradient's component is resolved to 1.4e-14, and parts of up to 2^5 (larger than
// in any training that is going well) add up without overflow for 4096 groups. Larger numbers leave whole multiples of
// 2^5, 2^56 and 2^107 to sums of their own, which hold as many digits each: all that single precision can reach.
constexpr double units = 0x1.0p46;
constexpr double most = 0x1.0p5;
constexpr double large_units[] = {0x1.0p5, 0x1.0p56, 0x1.0p107};
constexpr double largest = 0x1.0p150;

// Behind the gradient.
constexpr std::size_t loss_place = 0, errors_place = 1, large_place = 2, infinite_place = 3, tail = 4;

}  // namespace

FullBatch::FullBatch(const Communicator& team, const Network& network, const ImageSet& set, Direction direction)
    : team_(team),
      set_(set),
      parameters_(network.parameters),
      executor_(network, full_batch_block.of(network), direction),
      sums_(direction == Direction::forward_only ? tail : parameters_ + tail),
      block_gradient_(direction == Direction::forward_only ? 0 : parameters_),
      group_gradient_(block_gradient_.size()) {}

void FullBatch::add(std::size_t place, double value) {
  const std::size_t behind = sums_.size() - tail;
  if (std::abs(value) < most)
    sums_[place] += std::llrint(value * units);
  else if (std::abs(value) < largest)
    add_large(place, value);
  else
    ++sums_[behind + infinite_place];  // NaN, too
}

// Every step is exact: what stands before the unit is taken away in whole multiples of it.
void FullBatch::add_large(std::size_t place, double value) {
  ++sums_[sums_.size() - tail + large_place];
  for (std::size_t part = large_parts; part-- > 0;) {
    large_[part].resize(sums_.size());
    const double multiple = std::trunc(value / large_units[part]);
    large_[part][place] += std::llrint(multiple);
    value -= multiple * large_units[part];
  }
  sums_[place] += std::llrint(value * units);
}

double FullBatch::sum_at(std::size_t place) const {
  double sum = 0.0;
  for (std::size_t part = large_parts; part-- > 0;)
    if (!large_[part].empty()) sum += large_[part][place] * large_units[part];
  return sum + sums_[place] / units;
}

void FullBatch::add_group(std::span<const float> weights, std::int64_t first, bool with_gradient) {
  const std::size_t begin = first;
  const auto end = std::min(begin + group_samples, set_.labels.size());
  const std::size_t batch = executor_.batch();
  const std::size_t behind = sums_.size() - tail;
  LossSum sum;
  std::ranges::fill(group_gradient_, 0.0);
  std::vector<const std::uint8_t*> images;
  for (std::size_t block = begin; block < end; block += batch) {
    images.clear();
    for (std::size_t i = block; i < std::min(block + batch, end); ++i) images.push_back(set_.image(i));
    const auto labels = set_.labels.subspan(block, images.size());
    executor_.load(images);
    executor_.forward(weights);
    sum += executor_.loss(labels);
    if (!with_gradient) continue;
    executor_.gradient_sum(weights, labels, block_gradient_);
    for (std::size_t j = 0; j < parameters_; ++j) group_gradient_[j] += block_gradient_[j];
  }
  const double count = set_.count();
  add(behind + loss_place, sum.loss / count);
  sums_[behind + errors_place] += sum.errors;
  for (std::size_t j = 0; with_gradient && j < parameters_; ++j) add(j, group_gradient_[j] / count);
}

Evaluation FullBatch::run(std::span<const float> weights, bool with_gradient) {
  std::ranges::fill(sums_, 0);
  for (auto& part : large_) part.clear();
  for (std::int64_t first = team_.rank() * group_samples; first < set_.count(); first += team_.size() * group_samples)
    add_group(weights, first, with_gradient);
  const auto places = with_gradient ? std::span(sums_) : std::span(sums_).last(tail);
  team_.sum(places);
  const std::size_t behind = sums_.size() - tail;
  for (auto& part : large_) {
    if (sums_[behind + large_place] == 0) break;
    part.resize(sums_.size());
    team_.sum(std::span(part).last(places.size()));
  }
  auto result = mean_of({0.0, sums_[behind + errors_place]}, set_);
  const bool finite = sums_[behind + infinite_place] == 0;
  result.loss = finite ? sum_at(behind + loss_place) : nan;
  return result;
}

Evaluation FullBatch::evaluate(std::span<const float> weights) { return run(weights, false); }

Evaluation FullBatch::differentiate(std::span<const float> weights, std::span<float> gradient) {
  const auto result = run(weights, true);
  for (std::size_t j = 0; j < parameters_; ++j) gradient[j] = sum_at(j);
  return result;
}

}  // namespace flatsweep
