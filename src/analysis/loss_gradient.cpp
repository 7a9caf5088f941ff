#include "flatsweep/analysis/loss_gradient.hpp"

#include "flatsweep/base/index.hpp"
#include "flatsweep/nn/block_samples.hpp"
#include "flatsweep/nn/network_executor.hpp"
#include "flatsweep/par/agreement.hpp"
#include "flatsweep/train/evaluator.hpp"

#include <vector>

namespace flatsweep {

WeightRange::WeightRange(const Network& network, std::optional<int> layer) : size(network.parameters) {
  if (!layer) return;
  first = network.layers[*layer].weights;
  size = network.layers[*layer].size();
}

LossGradient loss_gradient(const Communicator& team, const Network& network, std::span<const float> weights,
                           const ImageSet& set, const WeightRange& range) {
  const Index size = range.size;
  Eigen::VectorXd sums = Eigen::VectorXd::Zero(size + 1);  // the gradient, then the loss
  agree(team, [&] {
    NetworkExecutor executor(network, gradient_block.of(network), Direction::forward_and_backward);
    std::vector<float> gradient(network.parameters);
    const Eigen::Map<const Eigen::VectorXf> part(gradient.data() + range.first, size);
    for_each_own_block(team, set, executor.batch(), [&](std::int64_t, auto images, auto labels) {
      executor.load(images);
      executor.forward(weights);
      sums(size) += executor.loss(labels).loss;
      executor.gradient_sum(weights, labels, gradient);
      sums.head(size) += part.cast<double>();
    });
  });
  const std::span<double> all(sums.data(), range.size + 1);
  team.sum(all);
  team.broadcast(all);  // a reduction need not round alike everywhere
  sums /= set.count();
  return {sums(size), sums.head(size)};
}

}  // namespace flatsweep
