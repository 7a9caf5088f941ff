#include "flatsweep/study/unit_result.hpp"

#include "dynamics_tree.hpp"
#include "flatsweep/io/durable_file.hpp"
#include "layer_stages.hpp"
#include "result_trees.hpp"
#include "spread.hpp"
#include "stage_files.hpp"

namespace flatsweep {

namespace {

/// NaN where it was not measured.
Exponent exponent(const Group& group, const std::string& name) {
  if (group.attribute(name) == nullptr) return {absent, absent, absent, 0.0, 0};
  return {group.real(name), group.real(name + "_low"), group.real(name + "_high"), 0.0, 0};
}

LayerResult read_layer(const Config& config, const UnitFolder& folder, const std::string& name) {
  LayerResult layer;
  const auto pca = read_skeleton(folder.file("pca-" + name));
  const auto& group = analysis_group(pca, "pca", name);
  layer.weights = static_cast<std::int64_t>(group.dataset("mean").count());
  layer.iterations = group.integer("window_iterations");
  layer.solution_alignment = group.real("solution_alignment");
  layer.learning_dimension = group.integer("learning_dimension");
  layer.learning_dimension_without_first = group.integer("learning_dimension_without_first");
  layer.psi = {absent, absent, absent, 0.0, 0};
  if (config.flatness.measure) {
    const auto flatness = read_analysis(folder, "flatness", name);
    layer.relation = relation_from_tree(flatness);
    layer.psi = exponent(flatness, "psi");
  }
  if (config.dynamics.measure) layer.dynamics = dynamics_from_tree(read_analysis(folder, "dynamics", name));
  if (config.nulls.measure) {
    const auto nulls = read_analysis(folder, "nulls", name);
    layer.nulls = {exponent(nulls, "walk_psi"), exponent(nulls, "fresh_walk_psi"), exponent(nulls, "half_psi"),
                   exponent(nulls, "held_out_psi")};
  }
  return layer;
}

void read_last_epoch(const Group& training, UnitResult& result) {
  const auto last = [&](const char* name) {
    const auto values = training.dataset(name).values<double>();
    return values.empty() ? std::numeric_limits<double>::quiet_NaN() : values.back();
  };
  result.train_loss = last("train_loss");
  result.train_error = last("train_error");
  result.test_loss = last("test_loss");
  result.test_error = last("test_error");
}

}  // namespace

std::vector<std::string> result_stages(const Config& config, const std::string& status) {
  if (status != "done") return {"training"};  // what fails is an analysis; training was finished before
  std::vector<std::string> stages = {"training"};
  if (config.study == Study::noise) return {"training", "noise"};
  if (config.study == Study::continual) {
    for (const auto& layer : config.pca.layers) stages.insert(stages.end(), {"pca-" + layer, "constraints-" + layer});
    stages.emplace_back("continual");
    return stages;
  }
  for (const auto& layer : config.pca.layers) {
    for (const auto& analysis : layer_analyses(config)) stages.push_back(analysis + "-" + layer);
  }
  if (config.network_curvature.measure) stages.emplace_back("network_curvature");
  if (config.output.trajectory) stages.emplace_back("trajectory");
  return stages;
}

UnitResult read_unit_result(const Config& config, const UnitFolder& folder) {
  UnitResult result;
  const auto done = read_durable(folder.file("done"));
  result.status = done.text("status");
  result.message = done.text("message");
  result.seconds = done.real("seconds");
  const auto training = read_durable(folder.file("training"));
  result.epochs_trained = training.integer("epochs_trained");
  if (const Group* curves = training.find_group("training")) read_last_epoch(*curves, result);
  if (result.status != "done") return result;
  if (config.study != Study::landscape) {
    result.curves = config.study == Study::noise ? *training.find_group("training")
                                                 : *read_durable(folder.file("continual")).find_group("continual");
    return result;
  }
  for (const auto& name : config.pca.layers) result.layers.push_back(read_layer(config, folder, name));
  return result;
}

}  // namespace flatsweep
