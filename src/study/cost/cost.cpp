#include "flatsweep/study/cost/cost.hpp"

#include "flatsweep/nn/matrix_product.hpp"

#include <chrono>
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
  const double iterations = config.window.epochs * replica.iterations_per_epoch(data);
  double bytes = 0.0;
  for (const auto& layer : config.pca.layers) bytes += 4.0 * iterations * network.layer(layer).size();
  return bytes;
}

bool window_fits(const Config& config, const Replica& replica, const DatasetShape& data) {
  return window_bytes(config, replica, data) <= config.run.memory_per_rank * 0x1.0p30;
}

}  // namespace flatsweep
