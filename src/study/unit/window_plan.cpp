#include "window_plan.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/log.hpp"
#include "flatsweep/study/grid/window_opening.hpp"
#include "study/cost/cost_shares.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flatsweep {

void check_window(const Config& config, const Replica& replica, const Network& network, const DatasetShape& data) {
  for (const auto& layer : config.pca.layers) (void)network.index_of(layer);
  const auto iterations = config.window.epochs * replica.iterations_per_epoch(data);
  if (iterations < 3)
    throw ConfigError(
        fmt::format("window.length_epochs = {} with batch_size = {} gives {} snapshots; PCA needs 3 or more, make the "
                    "window longer",
                    config.window.epochs, replica.batch_size, iterations));
  const auto last = window_opening(config) + config.window.epochs;
  for (const auto epoch : config.at_epochs.epochs)
    if (epoch > last)
      throw ConfigError(fmt::format(
          "at_epochs.epochs has {}, but training ends after {} epochs, {} + window.length_epochs; take it "
          "out",
          epoch, last, window_opening(config) > config.window.epoch ? "fork.epoch" : "window.opens_at_epoch"));
  if (config.output.trajectory && !window_fits(config, replica, data))
    throw ConfigError(
        fmt::format("output.trajectory needs the window in memory: {}, run.memory_per_rank allows {:g} GiB; raise it",
                    format_bytes(window_bytes(config, replica, data)), config.run.memory_per_rank));
}

double epoch_seconds(const Replica& replica, const DatasetShape& data, double rate) {
  const auto network = replica.network(data);
  const double samples = data.train_count;
  const double flops = network.training_flops() * samples / training_share +
                       network.forward_flops() * (data.train_count + data.test_count) / evaluation_share;
  return 1e-9 / rate * flops;
}

Cost estimate_window(const Config& config, const Replica& replica, const DatasetShape& data, double rate) {
  const auto network = replica.network(data);
  const double epochs = window_opening(config) - epochs_before(config) + config.window.epochs;
  const double window = window_bytes(config, replica, data);
  Cost cost;
  cost.stages.push_back({"training", epochs * epoch_seconds(replica, data, rate), StageCost::Ranks::one});
  cost.bytes = window_fits(config, replica, data) ? window : 0.0;
  // w_0, and the state in which the window opened: weights, gradient, index, what the optimiser remembers.
  const double remembered = replica.optimizer == OptimizerKind::adam ? 2.0 : 1.0;
  const double numbers = 4.0 + (replica.optimizer == OptimizerKind::sgd ? 0.0 : remembered);
  const double states = 1.0 + config.at_epochs.epochs.size();
  cost.result_bytes = objects_of_replica * object_bytes + 4.0 * (1.0 + (numbers - 1.0) * states) * network.parameters +
                      (config.output.trajectory ? window : 0.0);
  return cost;
}

}  // namespace flatsweep
