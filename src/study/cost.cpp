#include "flatsweep/study/cost.hpp"

#include "flatsweep/nn/matrix_product.hpp"

#include <algorithm>
#include <chrono>
#include <vector>

namespace flatsweep {

namespace {

// Shares of the measured product rate that whole steps reach, seen in runs of the reference network.
constexpr double training_share = 0.55;
constexpr double evaluation_share = 0.65;
constexpr double flatness_share = 0.45;
constexpr double covariance_share = 0.35;  // double precision, half the lanes
constexpr double eigensolve_share = 0.10;
// Evaluations per direction, and what softmax and ReLU cost per sample and output or unit, in flops.
constexpr double evaluations = 20.0;
constexpr double rounds = 4.0;
constexpr double pointwise_flops = 40.0;

double layer_weights(const Network& network, const std::string& name) {
  return static_cast<double>(network.layers[static_cast<std::size_t>(network.index_of(name))].size());
}

double pca_flops(double iterations, double size) {
  const double n = std::min(iterations, size);
  return iterations * size * n / covariance_share + 9.0 * n * n * n / 4.0 / eigensolve_share;
}

double flops_after(const Network& network, int layer) {
  double flops = pointwise_flops * network.classes();
  for (auto i = static_cast<std::size_t>(layer) + 1; i < network.layers.size(); ++i)
    flops += 2.0 * static_cast<double>(network.layers[i].size());
  return flops;
}

double flatness_flops(const Network& network, const std::string& name, double samples, double directions) {
  const int layer = network.index_of(name);
  const double product = 2.0 * layer_weights(network, name);
  return directions * samples * (rounds * product + (evaluations + 2.0) * flops_after(network, layer)) / flatness_share;
}

}  // namespace

double measure_product_rate() {
  constexpr int m = 64, n = 48, k = 256;
  const MatrixProduct product({m, n, k, m, k, m}, Target::overwrite);
  const std::vector<float> a(m * k, 0.5F), b(k * n, 0.25F);
  std::vector<float> c(m * n);
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  double seconds = 0.0;
  int runs = 0;
  while (seconds < 0.03) {
    for (int i = 0; i < 100; ++i) product(a.data(), b.data(), c.data());
    runs += 100;
    seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  }
  return 2.0 * m * n * k * runs / seconds * 1e-9;
}

double window_bytes(const Config& config, const Replica& replica, const DatasetShape& data) {
  const auto network = replica.network(data);
  const auto iterations = static_cast<double>(config.window.epochs * replica.iterations_per_epoch(data));
  double bytes = 0.0;
  for (const auto& layer : config.pca.layers) bytes += 4.0 * iterations * layer_weights(network, layer);
  return bytes;
}

bool window_fits(const Config& config, const Replica& replica, const DatasetShape& data) {
  return window_bytes(config, replica, data) <= config.run.memory_per_rank * 0x1.0p30;
}

Cost estimate_cost(const Config& config, const Replica& replica, const DatasetShape& data, double rate) {
  const auto network = replica.network(data);
  const double flop_seconds = 1e-9 / rate;
  const auto samples = static_cast<double>(data.train_count);
  const auto epochs = static_cast<double>(config.window.epoch + config.window.epochs);
  const auto iterations = static_cast<double>(config.window.epochs * replica.iterations_per_epoch(data));
  Cost cost;
  cost.training_seconds =
      epochs * flop_seconds *
      (network.training_flops() * samples / training_share +
       network.forward_flops() * static_cast<double>(data.train_count + data.test_count) / evaluation_share);
  const bool fits = window_fits(config, replica, data);
  cost.bytes = fits ? window_bytes(config, replica, data) : 0.0;
  double largest = 0.0;
  for (const auto& name : config.pca.layers) {
    const double size = layer_weights(network, name);
    const double modes = std::min(iterations, size);
    const double directions = config.flatness.directions > 0
                                  ? std::min<double>(static_cast<double>(config.flatness.directions), modes)
                                  : modes;
    cost.pca_seconds += flop_seconds * pca_flops(iterations, size);
    if (config.flatness.measure)
      cost.flatness_seconds += flop_seconds * flatness_flops(network, name, samples, directions);
    const auto& layer = network.layers[static_cast<std::size_t>(network.index_of(name))];
    const double probe = 4.0 * samples * (layer.inputs + layer.outputs);
    largest = std::max({largest, 8.0 * (4.0 * modes * modes + size * modes), 8.0 * size * modes + probe});
  }
  cost.bytes += largest;
  return cost;
}

}  // namespace flatsweep
