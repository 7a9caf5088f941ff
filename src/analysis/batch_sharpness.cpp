#include "flatsweep/analysis/batch_sharpness.hpp"

#include "flatsweep/base/numbers.hpp"
#include "flatsweep/data/minibatch.hpp"
#include "flatsweep/nn/network_executor.hpp"
#include "flatsweep/par/agreement.hpp"

#include <cmath>
#include <vector>

namespace flatsweep {

namespace {

/// g^T H g/|g|^2 of one minibatch after another.
class SharpnessOfMinibatch {
 public:
  SharpnessOfMinibatch(const Network& network, std::span<const float> weights, const ImageSet& set, int batch_size)
      : weights_(weights),
        minibatch_(set, batch_size),
        executor_(network, batch_size, Direction::forward_and_backward),
        gradient_(network.parameters),
        product_(network.parameters) {}

  /// NaN where the gradient is 0.
  double of(std::span<const std::uint32_t> samples) {
    minibatch_.take(samples);
    executor_.load(minibatch_.images());
    executor_.forward(weights_);
    (void)executor_.backward(weights_, minibatch_.labels(), gradient_);
    executor_.load(minibatch_.images());  // the way back has taken the activations
    executor_.forward(weights_);
    executor_.hessian_product(weights_, gradient_, minibatch_.labels(), product_);
    double square = 0.0, curved = 0.0;
    for (std::size_t i = 0; i < gradient_.size(); ++i) {
      square += 1.0 * gradient_[i] * gradient_[i];
      curved += 1.0 * gradient_[i] * product_[i];
    }
    return square > 0.0 ? curved / (square * minibatch_.labels().size()) : nan;
  }

 private:
  std::span<const float> weights_;
  Minibatch minibatch_;
  NetworkExecutor executor_;
  std::vector<float> gradient_, product_;
};

BatchSharpness mean_and_error(const std::vector<double>& values) {
  BatchSharpness result;
  double sum = 0.0, squares = 0.0;
  for (const double value : values) {
    if (std::isnan(value)) continue;
    sum += value;
    ++result.minibatches;
  }
  const double count = result.minibatches;
  result.mean = count > 0.0 ? sum / count : nan;
  for (const double value : values)
    if (!std::isnan(value)) squares += (value - result.mean) * (value - result.mean);
  result.error = count > 1.0 ? std::sqrt(squares / (count - 1.0) / count) : nan;
  return result;
}

}  // namespace

// Every minibatch has its place in a vector, which is added up in one order whatever the ranks.
BatchSharpness batch_sharpness(const Communicator& team, const Network& network, std::span<const float> weights,
                               const ImageSet& set, int batch_size, std::span<const std::uint32_t> order,
                               const std::function<void(double)>& checkpoint) {
  const std::size_t minibatches = order.size() / batch_size, ranks = team.size();
  std::vector<double> values(minibatches, 0.0);
  agree(team, [&] {
    SharpnessOfMinibatch sharpness(network, weights, set, batch_size);
    for (std::size_t i = team.rank(); i < minibatches; i += ranks) {
      if (checkpoint) checkpoint(1.0 * i / minibatches);
      values[i] = sharpness.of(order.subspan(i * batch_size, batch_size));
    }
  });
  team.sum(std::span<double>(values));  // one of them is not 0
  if (ranks > 1) team.broadcast(std::span<double>(values));
  return mean_and_error(values);
}

}  // namespace flatsweep
