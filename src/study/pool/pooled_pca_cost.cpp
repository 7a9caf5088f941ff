#include "pooled_pca_cost.hpp"

#include "study/cost/cost_shares.hpp"

#include <algorithm>
#include <cmath>

namespace flatsweep {

namespace {

constexpr double columns_per_pass = 128.0;  // analysis/pooled_pca.cpp
constexpr double most_vectors = 4000.0;     // of the Krylov space, seen for pools of ten seeds

/// One layer of one grid point.
struct PoolSize {
  double members, own, iterations, weights, epochs_flops;
  bool stored;
  [[nodiscard]] double modes() const { return std::min(weights, members * iterations); }
  [[nodiscard]] double vectors() const { return std::min(modes(), most_vectors); }
};

double direct_flops(const PoolSize& pool) {
  const double n = pool.modes();
  return pool.own * (pool.epochs_flops + pool.iterations * pool.weights * n / covariance_share) +
         9.0 * n * n * n / 4.0 / eigensolve_share;
}

double product_flops(const PoolSize& pool, int ranks) {
  const double vectors = pool.vectors(), passes = vectors / columns_per_pass + 1.0;
  return pool.own * (4.0 * pool.iterations * pool.weights * vectors / covariance_share +
                     (pool.stored ? 1.0 : passes) * pool.epochs_flops) +
         4.0 * pool.weights * vectors * vectors / covariance_share / ranks +
         9.0 * vectors * vectors * vectors / eigensolve_share;
}

double direct_bytes(const PoolSize& pool) { return 8.0 * pool.modes() * pool.modes() * (pool.own + 4.0); }

double product_bytes(const PoolSize& pool, int ranks) {
  const double vectors = pool.vectors();
  return 8.0 * pool.weights * (columns_per_pass * (pool.own + 4.0) + 1.5 * vectors / ranks) + 24.0 * vectors * vectors +
         8.0 * 64.0 * vectors * columns_per_pass / ranks;
}

}  // namespace

PoolCost estimate_pooled_pca(const Config& config, const Replica& replica, const DatasetShape& data, std::int64_t seeds,
                             int ranks, double rate) {
  const auto network = replica.network(data);
  const double members = seeds;
  const double own = std::ceil(members / ranks);
  const double budget = config.run.memory_per_rank * 0x1.0p30;
  PoolCost cost;
  for (const auto& name : config.pca.layers) {
    PoolSize pool{members,
                  own,
                  1.0 * config.window.epochs * replica.iterations_per_epoch(data),
                  1.0 * network.layer(name).size(),
                  (config.window.epochs * data.train_count) * network.training_flops() / training_share,
                  false};
    const double windows = 4.0 * own * pool.iterations * pool.weights;
    pool.stored = windows <= budget;
    const bool direct = pool.modes() <= config.pooled_pca.direct_modes;
    cost.seconds += 1e-9 / rate * (direct ? direct_flops(pool) : product_flops(pool, ranks));
    cost.bytes =
        std::max(cost.bytes, std::min(windows, budget) + (direct ? direct_bytes(pool) : product_bytes(pool, ranks)));
    cost.result_bytes += 8.0 * pool.weights * std::min<double>(config.pooled_pca.directions, pool.modes());
  }
  return cost;
}

}  // namespace flatsweep
