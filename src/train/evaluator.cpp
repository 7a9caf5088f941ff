#include "flatsweep/train/evaluator.hpp"

#include "flatsweep/base/numbers.hpp"
#include "flatsweep/nn/block_samples.hpp"

#include <algorithm>
#include <vector>

namespace flatsweep {

void for_each_block(const ImageSet& set, int block, const BlockVisitor& visit) {
  std::vector<const std::uint8_t*> images;
  for (std::int64_t first = 0; first < set.count(); first += block) {
    const std::size_t count = std::min<std::int64_t>(block, set.count() - first);
    images.clear();
    for (std::size_t i = 0; i < count; ++i) images.push_back(set.image(first + i));
    visit(first, images, set.labels.subspan(first, count));
  }
}

void for_each_own_block(const Communicator& team, const ImageSet& set, int block, const BlockVisitor& visit) {
  int number = 0;
  for_each_block(set, block, [&](std::int64_t first, auto images, auto labels) {
    if (number++ % team.size() == team.rank()) visit(first, images, labels);
  });
}

Evaluation mean_of(const LossSum& sum, const ImageSet& set) {
  const double count = set.count();
  return {sum.loss / count, set.targets > 0 ? nan : 1.0 * sum.errors / count};
}

Evaluator::Evaluator(const Network& network)
    : executor_(network, evaluation_block.of(network), Direction::forward_only) {}

Evaluation Evaluator::evaluate(std::span<const float> weights, const ImageSet& set) {
  LossSum sum;
  for_each_block(set, executor_.batch(), [&](std::int64_t, auto images, auto labels) {
    executor_.load(images);
    executor_.forward(weights);
    sum += executor_.loss(labels);
  });
  return mean_of(sum, set);
}

}  // namespace flatsweep
