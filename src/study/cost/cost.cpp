#include "flatsweep/study/cost/cost.hpp"

#include "flatsweep/nn/matrix_product.hpp"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <vector>

namespace flatsweep {

double Cost::seconds() const {
  double sum = 0.0;
  for (const auto& stage : stages) sum += stage.seconds;
  return sum;
}

double Cost::one_rank_seconds() const {
  double sum = 0.0;
  for (const auto& stage : stages) sum += stage.ranks == StageCost::Ranks::one ? stage.seconds : 0.0;
  return sum;
}

double cpu_seconds() { return 1.0 * std::clock() / CLOCKS_PER_SEC; }

CoreSpeed measure_core() {
  constexpr int m = 64, n = 48, k = 256, measurements = 7;
  constexpr double seconds_each = 0.006;
  const MatrixProduct product({m, n, k, m, k, m}, Target::overwrite);
  const std::vector<float> a(m * k, 0.5F), b(k * n, 0.25F);
  std::vector<float> c(m * n);
  using Clock = std::chrono::steady_clock;
  const auto wall_begin = Clock::now();
  const double cpu_begin = cpu_seconds();
  std::vector<double> rates;
  for (int measurement = 0; measurement < measurements; ++measurement) {
    const double begin = cpu_seconds();
    double seconds = 0.0;
    int runs = 0;
    while (seconds < seconds_each) {
      for (int i = 0; i < 100; ++i) product(a.data(), b.data(), c.data());
      runs += 100;
      seconds = cpu_seconds() - begin;
    }
    rates.push_back(2.0 * m * n * k * runs / seconds * 1e-9);
  }
  std::ranges::nth_element(rates, rates.begin() + measurements / 2);
  const double wall = std::chrono::duration<double>(Clock::now() - wall_begin).count();
  return {rates[measurements / 2], std::min(1.0, (cpu_seconds() - cpu_begin) / wall)};
}

double window_bytes(const Config& config, const Replica& replica, const DatasetShape& data) {
  const auto network = replica.network(data);
  const double iterations = config.window.epochs * replica.iterations_per_epoch(data);
  double bytes = 0.0;
  for (const auto& layer : config.pca.layers) bytes += 4.0 * iterations * network.layer(layer).size();
  return bytes;
}

bool window_fits(const Config& config, const Replica& replica, const DatasetShape& data) {
  return window_bytes(config, replica, data) <= config.run.memory_per_rank * 0x1.0p30;
}

}  // namespace flatsweep
