#include "landscape_cost.hpp"

#include "analyses.hpp"
#include "pca_analysis.hpp"
#include "study/cost/network_flops.hpp"
#include "study/unit/window_plan.hpp"

#include <algorithm>

namespace flatsweep {

double add_analyses(Cost& cost, const LayerWorkload& work, double rate,
                    std::span<const LayerAnalysis* const> analyses) {
  double probe = 0.0, peak = 0.0;
  for (const auto* analysis : analyses) {
    const auto demand = analysis->demand(work);
    cost.stages.push_back({analysis->name + " " + work.layer.name, 1e-9 / rate * demand.flops});
    cost.result_bytes += demand.result_bytes;
    if (demand.probe == LayerDemand::Probe::kept) probe = probe_bytes(work.network, work.layer, work.samples);
    peak = std::max(peak, probe + demand.bytes);
  }
  return peak;
}

void add_network_analyses(Cost& cost, const Config& config, const Network& network, double samples, double rate) {
  for (const auto* analysis : enabled_network_analyses(config)) {
    cost.stages.push_back({analysis->name, 1e-9 / rate * analysis->flops(config, network, samples)});
    cost.result_bytes += 20.0 * object_bytes;  // its numbers are few
  }
}

Cost estimate_analyses(const Config& config, const Replica& replica, const DatasetShape& data, double rate,
                       std::span<const LayerAnalysis* const> analyses) {
  const auto network = replica.network(data);
  auto cost = estimate_window(config, replica, data, rate);
  double largest = training_bytes(network, replica.batch_size);
  for (const auto& name : config.pca.layers) {
    LayerWorkload work{config, network, network.layer(name), 1.0 * data.train_count,
                       1.0 * config.window.epochs * replica.iterations_per_epoch(data)};
    work.directions = computed_directions(config.pca, work.modes());
    largest = std::max(largest, add_analyses(cost, work, rate, analyses));
  }
  cost.bytes += largest;
  return cost;
}

Cost estimate_landscape(const Config& config, const Replica& replica, const DatasetShape& data, double rate) {
  auto cost = estimate_analyses(config, replica, data, rate, enabled_layer_analyses(config));
  add_network_analyses(cost, config, replica.network(data), data.train_count, rate);
  return cost;
}

}  // namespace flatsweep
