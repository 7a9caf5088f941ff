#include "study_cost.hpp"

#include "cost_shares.hpp"
#include "flatsweep/study/continual/continual.hpp"

#include <algorithm>

namespace flatsweep {

DatasetShape mean_task(const ContinualConfig& config, const DatasetShape& data) {
  std::size_t classes = 0;
  for (const auto& task : config.tasks) classes += task.size();
  const double part = static_cast<double>(classes) / static_cast<double>(config.tasks.size() * class_count);
  const auto scaled = [&](std::int64_t count) {
    return std::max<std::int64_t>(1, static_cast<std::int64_t>(part * static_cast<double>(count)));
  };
  return {scaled(data.train_count), scaled(data.test_count), data.image};
}

namespace {

/// Flops of one sample from the first trained layer on: forward everywhere, backward twice behind it.
double trained_flops(const Network& network, int first) {
  double flops = 0.0;
  for (auto i = static_cast<std::size_t>(first); i < network.layers.size(); ++i)
    flops += (i == static_cast<std::size_t>(first) ? 2.0 : 3.0) * network.layers[i].product_flops();
  return flops;
}

double forward_flops(const Network& network, int first) {
  double flops = 0.0;
  for (auto i = static_cast<std::size_t>(first); i < network.layers.size(); ++i)
    flops += network.layers[i].product_flops();
  return flops;
}

bool has_modes(ConstraintKind kind) {
  return kind == ConstraintKind::ldc || kind == ConstraintKind::ldc_flatness || kind == ConstraintKind::laplace;
}

/// Of one step of a path's penalty.
double penalty_flops(const Config& config, const Network& network, const ConstraintChoice& choice) {
  double flops = 0.0;
  for (const auto& name : config.pca.layers) {
    const auto size = static_cast<double>(network.layer(name).size());
    flops += has_modes(choice.kind) ? 4.0 * size * std::min(size, static_cast<double>(choice.count)) : 2.0 * size;
  }
  return flops / projection_share;
}

}  // namespace

Cost estimate_points(const Config& config, const Replica& replica, const DatasetShape& task, double rate) {
  const auto network = replica.network(task);
  const auto tasks = static_cast<double>(config.continual.tasks.size());
  const double epochs = (tasks - 1.0) * static_cast<double>(config.continual.epochs);
  const auto samples = static_cast<double>(task.train_count), tests = static_cast<double>(task.test_count);
  double flops = 0.0, floats = 0.0;
  for (const auto& path : constraint_paths(config.continual)) {
    const auto layers = trained_layers(path.trained, config, network);
    const int first = first_trained_layer(network, trained_blocks(network, layers, path.biases));
    const double epoch =
        samples * trained_flops(network, first) / training_share +
        static_cast<double>(replica.iterations_per_epoch(task)) * penalty_flops(config, network, path.choice) +
        tasks * tests * forward_flops(network, first) / evaluation_share;
    flops += static_cast<double>(path.strengths.size()) * epochs * epoch;
    if (first > 0)
      floats = std::max(floats,
                        tasks * (samples + tests) * network.layers[static_cast<std::size_t>(first)].input_features());
  }
  Cost cost;
  cost.analysis_seconds = 1e-9 / rate * flops;
  cost.bytes = 4.0 * floats;
  return cost;
}

namespace {

/// One measurement of all layers' modes: gradients, Gram or second-moment matrix, its eigenvectors.
double mode_flops(const Network& network, double minibatches, double samples) {
  double flops = 0.0;
  for (const auto& layer : network.layers) {
    const auto size = static_cast<double>(layer.size()), n = std::min(size, minibatches);
    flops += network.training_flops() * samples / training_share + minibatches * size * n / covariance_share +
             9.0 * n * n * n / 4.0 / eigensolve_share;
  }
  return flops;
}

}  // namespace

Cost estimate_noise(const Config& config, const Replica& replica, const DatasetShape& data, double rate) {
  const auto network = replica.network(data);
  const auto& options = config.noise;
  const bool sgd = replica.noise_method == NoiseMethod::sgd;
  const bool noisy = !sgd && replica.noise_method != NoiseMethod::gradient_descent;
  const auto samples = static_cast<double>(data.train_count);
  const auto epochs = static_cast<double>(sgd ? options.sgd_epochs : options.epochs);
  double epoch =
      network.training_flops() * samples / training_share +
      network.forward_flops() * static_cast<double>(data.test_count + (sgd ? data.train_count : 0)) / evaluation_share;
  const auto minibatches = options.minibatches > 0 ? static_cast<double>(options.minibatches)
                                                   : 2.0 * static_cast<double>(replica.iterations_per_epoch(data));
  double largest = 0.0;
  for (const auto& layer : network.layers)
    largest = std::max(largest, (4.0 * minibatches + 16.0 * std::min({static_cast<double>(options.modes), minibatches,
                                                                      static_cast<double>(layer.size())})) *
                                    static_cast<double>(layer.size()));
  if (noisy)
    epoch += mode_flops(network, minibatches, minibatches * static_cast<double>(replica.batch_size)) /
             static_cast<double>(options.renew_epochs);
  Cost cost;
  cost.training_seconds = 1e-9 / rate * epochs * epoch;
  cost.bytes = noisy ? largest + 24.0 * minibatches * minibatches : 0.0;
  return cost;
}

}  // namespace flatsweep
