#include "flatsweep/study/cost/cost.hpp"
#include "noise.hpp"
#include "study/cost/cost_shares.hpp"

#include <algorithm>

namespace flatsweep {

namespace {

constexpr double single_precision_gain = 2.0;  // twice the lanes

/// One measurement of all layers' modes: gradients, Gram matrix (in single precision) or second moment, its
/// eigenvectors.
double mode_flops(const Network& network, double minibatches, double samples) {
  double flops = 0.0;
  for (const auto& layer : network.layers) {
    const double size = layer.size(), n = std::min(size, minibatches);
    const double gain = minibatches < size ? single_precision_gain : 1.0;
    flops += network.training_flops() * samples / training_share +
             (minibatches * size * n / covariance_share + 9.0 * n * n * n / 4.0 / eigensolve_share) / gain;
  }
  return flops;
}

}  // namespace

Cost estimate_noise(const Config& config, const Replica& replica, const DatasetShape& data, double rate) {
  const auto network = replica.network(data);
  const auto& options = config.noise;
  const bool sgd = replica.noise_method == NoiseMethod::sgd;
  const bool noisy = !sgd && replica.noise_method != NoiseMethod::gradient_descent;
  const double samples = data.train_count;
  const double epochs = sgd ? options.sgd_epochs : options.epochs;
  double epoch = network.training_flops() * samples / training_share +
                 network.forward_flops() * (data.test_count + (sgd ? data.train_count : 0)) / evaluation_share;
  const auto minibatches = options.minibatches > 0 ? options.minibatches : 2.0 * replica.iterations_per_epoch(data);
  double largest = 0.0;
  for (const auto& layer : network.layers)
    largest = std::max(
        largest, (4.0 * minibatches + 16.0 * std::min<double>({1.0 * options.modes, minibatches, 1.0 * layer.size()})) *
                     layer.size());
  if (noisy) epoch += mode_flops(network, minibatches, minibatches * replica.batch_size) / options.renew_epochs;
  Cost cost;
  cost.stages.push_back(
      {std::string(to_string(replica.noise_method)), 1e-9 / rate * epochs * epoch, StageCost::Ranks::one});
  cost.result_bytes = 4.0 * network.parameters + 56.0 * std::max(options.epochs, options.sgd_epochs);
  cost.bytes = noisy ? largest + 24.0 * minibatches * minibatches : 0.0;
  return cost;
}

}  // namespace flatsweep
