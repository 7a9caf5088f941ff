#include "flatsweep/study/summary/unit_result.hpp"

#include "flatsweep/io/durable_file.hpp"
#include "study/landscape/dynamics_tree.hpp"
#include "study/landscape/layer_stages.hpp"
#include "study/landscape/result_trees.hpp"
#include "study/store/hole.hpp"
#include "study/store/stage_files.hpp"
#include "study/store/tree_entries.hpp"

#include <limits>

namespace flatsweep {

namespace {

LayerResult read_layer(const Config& config, const UnitFolder& folder, const std::string& name) {
  LayerResult layer;
  const auto pca = folder.require_skeleton("pca-" + name);
  const auto& group = analysis_group(pca, "pca", name);
  layer.solution_alignment = std::numeric_limits<double>::quiet_NaN();
  layer.has_pca = !is_hole(group);
  if (!layer.has_pca) return layer;
  layer.weights = static_cast<std::int64_t>(group.dataset("mean").count());
  layer.iterations = group.integer("window_iterations");
  layer.moving = group.integer("moving");
  layer.solution_alignment = group.real("solution_alignment");
  layer.learning_dimension = group.integer("learning_dimension");
  layer.learning_dimension_without_first = group.integer("learning_dimension_without_first");
  const auto read = [&](const char* analysis, bool measured) -> std::optional<Group> {
    if (!measured) return std::nullopt;
    auto tree = read_analysis(folder, analysis, name);
    if (is_hole(tree)) return std::nullopt;
    return tree;
  };
  if (const auto flatness = read("flatness", config.flatness.measure)) {
    layer.relation = relation_from_tree(*flatness);
    layer.psi = exponent_from(*flatness, "psi");
  }
  if (const auto dynamics = read("dynamics", config.dynamics.measure)) layer.dynamics = dynamics_from_tree(*dynamics);
  if (const auto nulls = read("nulls", config.nulls.measure)) {
    layer.nulls = {exponent_from(*nulls, "walk_psi"), exponent_from(*nulls, "fresh_walk_psi"),
                   exponent_from(*nulls, "half_psi"), exponent_from(*nulls, "held_out_psi")};
    if (nulls->attribute("walk_reason") != nullptr) layer.walk_reason = nulls->text("walk_reason");
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

/// What is read of one analysis of one layer.
void check_analysis(const std::string& analysis, const Group& group) {
  if (is_hole(group)) return;
  if (analysis == "pca") {
    const auto& shape = group.dataset("directions").shape_of(2);
    if (shape[1] != group.dataset("mean").shape_of(1)[0]) throw DamagedFile("directions and mean differ in length");
    for (const auto* number : {"window_iterations", "moving", "learning_dimension", "learning_dimension_without_first"})
      (void)group.integer(number);
    for (const auto* number : {"solution_alignment", "total_variance"}) (void)group.real(number);
  } else if (analysis == "flatness") {
    (void)flatness_from_tree(group);
    (void)relation_from_tree(group);
    (void)exponent_from(group, "psi");
  } else if (analysis == "dynamics") {
    (void)dynamics_from_tree(group);
  } else if (analysis == "nulls") {
    for (const auto* name : {"walk_psi", "fresh_walk_psi", "half_psi", "held_out_psi"})
      (void)exponent_from(group, name);
    if (group.attribute("walk_reason") != nullptr) (void)group.text("walk_reason");
  }
}

/// Columns of one length, at least one epoch long.
void check_curves(const Group& training) {
  const auto epochs = training.dataset("train_loss").values<double>().size();
  for (const auto* name : {"train_error", "test_loss", "test_error"})
    if (training.dataset(name).values<double>().size() != epochs) throw DamagedFile("curves differ in length");
}

void check_points(const Group& points) {
  const auto& shape = points.dataset("test_error").shape_of(3);
  if (shape[1] == 0 || shape[2] == 0) throw DamagedFile("the curves of the points are empty");
  for (const auto* name : {"method", "trained", "biases", "first_mode"})
    if (points.dataset(name).strings().size() != shape[0]) throw DamagedFile("the points are not all described");
  for (const auto* name : {"psi", "strength", "lambda"}) (void)numbers(points, name, shape[0]);
  if (points.dataset("constraints").values<std::int64_t>().size() != shape[0] ||
      points.dataset("test_error").values<double>().size() != shape[0] * shape[1] * shape[2])
    throw DamagedFile("the points are not all there");
}

}  // namespace

void check_result_stage(const Config& config, const std::string& stage, const Group& tree) {
  if (stage == "training") {
    (void)tree.integer("epochs_trained");
    return check_curves(tree.subgroup("training"));
  }
  if (stage == "continual") return check_points(tree.subgroup("continual"));
  if (config.study != Study::landscape) return;
  for (const auto& layer : config.pca.layers)
    for (const auto& analysis : layer_analyses(config))
      if (stage == analysis + "-" + layer) return check_analysis(analysis, analysis_group(tree, analysis, layer));
}

void check_done(const Group& done) {
  const auto status = done.text("status");
  if (status != "done" && status != "diverged" && status != "failed") throw DamagedFile("the status is none");
  (void)done.text("message");
  (void)done.real("seconds");
}

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
  const auto done = folder.require("done");
  result.status = done.text("status");
  result.message = done.text("message");
  result.seconds = done.real("seconds");
  const auto training = folder.require("training");
  result.epochs_trained = training.integer("epochs_trained");
  read_last_epoch(training.subgroup("training"), result);
  if (result.status != "done") return result;
  if (config.study != Study::landscape) {
    result.curves = config.study == Study::noise ? training.subgroup("training")
                                                 : folder.require("continual").subgroup("continual");
    return result;
  }
  result.failed = failed_analyses(config, folder);
  for (const auto& name : config.pca.layers) result.layers.push_back(read_layer(config, folder, name));
  return result;
}

}  // namespace flatsweep
