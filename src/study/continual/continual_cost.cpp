#include "continual_cost.hpp"

#include "continual_path.hpp"
#include "flatsweep/study/continual/continual.hpp"
#include "study/cost/cost_shares.hpp"
#include "study/landscape/landscape_cost.hpp"
#include "study/landscape/pca_analysis.hpp"

#include <algorithm>

namespace flatsweep {

namespace {

/// The images of one task of the mean size, were all classes equally frequent.
DatasetShape mean_task(const ContinualConfig& config, const DatasetShape& data) {
  std::size_t classes = 0;
  for (const auto& task : config.tasks) classes += task.size();
  const double part = 1.0 * classes / (config.tasks.size() * data.classes);
  const auto scaled = [&](std::int64_t count) { return std::max<std::int64_t>(1, part * count); };
  return {scaled(data.train_count), scaled(data.test_count), data.image, data.classes, data.numbers};
}

/// Flops of one sample from the first trained layer on: forward everywhere, backward twice behind it.
double trained_flops(const Network& network, int first) {
  double flops = 0.0;
  for (std::size_t i = first; i < network.layers.size(); ++i)
    flops += (i == static_cast<std::size_t>(first) ? 2.0 : 3.0) * network.layers[i].product_flops();
  return flops;
}

double forward_flops(const Network& network, int first) {
  double flops = 0.0;
  for (std::size_t i = first; i < network.layers.size(); ++i) flops += network.layers[i].product_flops();
  return flops;
}

bool has_modes(ConstraintKind kind) {
  return kind == ConstraintKind::ldc || kind == ConstraintKind::ldc_flatness || kind == ConstraintKind::laplace;
}

/// Of one step of a point's penalty.
double penalty_flops(const Config& config, const Network& network, const ConstraintPath& path) {
  double flops = 0.0;
  if (path.choice.kind == ConstraintKind::none) return flops;
  for (const auto i : held_layers(path.held, config)) {
    const double size = network.layer(config.pca.layers[i]).size();
    flops += has_modes(path.choice.kind) ? 4.0 * size * std::min<double>(size, path.choice.count) : 2.0 * size;
  }
  return flops /
         (config.continual.tasks.size() == 2 && path.strengths.size() > 1 ? joint_projection_share : projection_share);
}

/// What the points take after the first task.   @param task training and test images of one task
void add_cost_of_points(Cost& cost, const Config& config, const Replica& replica, const DatasetShape& task,
                        double rate) {
  const auto network = replica.network(task);
  const double tasks = config.continual.tasks.size();
  const double epochs = (tasks - 1.0) * config.continual.epochs;
  const double samples = task.train_count, tests = task.test_count;
  double floats = 0.0;
  const auto paths = constraint_paths(config.continual);
  for (std::size_t i = 0; i < paths.size(); ++i) {
    const auto& path = paths[i];
    const auto layers = trained_layers(path.trained, config, network);
    const int first = first_trained_layer(network, trained_blocks(network, layers, path.biases));
    const double epoch = samples * trained_flops(network, first) / training_share +
                         replica.iterations_per_epoch(task) * penalty_flops(config, network, path) +
                         tasks * tests * forward_flops(network, first) / evaluation_share;
    const double points = path.strengths.size();
    cost.stages.push_back({PathTraining::file(i), 1e-9 / rate * points * epochs * epoch});
    cost.result_bytes += points * (200.0 + 16.0 * tasks * (2.0 + epochs));
    if (first > 0) floats = std::max(floats, tasks * (samples + tests) * network.layers[first].input_features());
  }
  cost.bytes += 4.0 * floats;
}

}  // namespace

// The first task with its PCA, then the points.
Cost estimate_continual(const Config& config, const Replica& replica, const DatasetShape& data, double rate) {
  const auto task = mean_task(config.continual, data);
  const auto pca = pca_analysis();
  const auto* first = &pca;
  auto cost = estimate_analyses(config, replica, task, rate, {&first, 1});
  add_cost_of_points(cost, config, replica, task, rate);
  return cost;
}

}  // namespace flatsweep
