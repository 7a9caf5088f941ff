#include "flatsweep/study/continual/continual.hpp"

#include "constraints_tree.hpp"
#include "continual_cost.hpp"
#include "continual_path.hpp"
#include "continual_summary.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/io/durable_file.hpp"
#include "flatsweep/par/agreement.hpp"
#include "study/landscape/pca_analysis.hpp"
#include "study/store/stage_files.hpp"
#include "study/store/tree_entries.hpp"
#include "study/unit/training_stage.hpp"
#include "study/unit/training_tree.hpp"
#include "study/unit/unit_record.hpp"
#include "study/unit/window_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

namespace flatsweep {

namespace {

std::vector<Task> make_tasks(const ContinualConfig& config, const UnitData& data) {
  std::vector<Task> tasks;
  for (const auto& classes : config.tasks) tasks.emplace_back(data.train(), data.test(), classes, config.labels);
  return tasks;
}

void check_batch_size(const std::vector<Task>& tasks, std::int64_t batch_size) {
  for (std::size_t i = 0; i < tasks.size(); ++i)
    if (tasks[i].train().count() < batch_size)
      throw ConfigError(fmt::format("continual.tasks[{}] has {} training images, fewer than batch_size = {}", i,
                                    tasks[i].train().count(), batch_size));
}

/// One unit's way through the stages, on every rank of the team.
class ContinualPipeline {
 public:
  ContinualPipeline(const Communicator& team, const UnitContext& context)
      : team_(team),
        context_(context),
        config_(context.config),
        network_(context.unit.replica.network(context.data.shape())),
        paths_(constraint_paths(context.config.continual)) {}

  UnitOutcome run() {
    agree(team_, [&] { tasks_ = make_tasks(config_.continual, context_.data); });
    FirstSolution start{context_, network_, tasks_, {}, 0, {}};
    if (auto ended = solve_first_task(start)) return std::move(*ended);
    agree(team_, [&] { train_paths(start); });
    on_root(team_, [&] { collect(); });
    return {};
  }

 private:
  [[nodiscard]] static std::string file_of(const char* stage, const std::string& layer) {
    return std::string(stage) + "-" + layer;
  }

  /// The outcome where training ended before the window. Goes through the window only when something still has to be
  /// measured in it.
  std::optional<UnitOutcome> solve_first_task(FirstSolution& start) {
    if (have_constraints()) {
      agree(team_, [&] { read_solution(start); });
    } else {
      auto trained = train_on_team(team_, context_, tasks_.front().train(), tasks_.front().test());
      start.weights = trained.state.weights;
      start.epoch = trained.state.epoch;
      if (auto ended = outcome_without_window(trained)) return ended;
      for (std::size_t i = 0; i < config_.pca.layers.size(); ++i) measure(start, trained, i);
    }
    agree(team_, [&] {
      for (const auto& layer : config_.pca.layers) start.constraints.push_back(read_constraints(start, layer));
    });
    return std::nullopt;
  }

  bool have_constraints() {
    bool have = true;
    on_root(team_, [&] {
      have = context_.folder
                 .read("training", [this](const Group& tree) { (void)state_from_training_tree(tree, network_); })
                 .has_value();
      for (const auto& layer : config_.pca.layers) {
        have = have && context_.folder.read(file_of("pca", layer)).has_value();
        const auto modes = context_.folder.read(file_of("modes", layer));
        have = have && modes && context_.folder.read(file_of("constraints", layer), [&](const Group& tree) {
          require_fit(constraints_from_trees(analysis_group(tree, "constraints", layer), *modes),
                      network_.layer(layer).size());
        });
      }
    });
    return !team_.any(!have);
  }

  void read_solution(FirstSolution& start) const {
    const auto state = state_from_training_tree(context_.folder.require("training"), network_);
    start.weights = state.weights;
    start.epoch = state.epoch;
  }

  void measure(const FirstSolution& start, TrainedUnit& trained, std::size_t index) {
    const auto& layer = config_.pca.layers[index];
    stop_if_asked("pca " + layer, 0.0);
    const auto pca = principal_components(team_, trained.windows[index]);
    trained.windows[index] = {};
    const SolvedTask solved{context_, network_, tasks_.front().train(), start.weights, start.epoch, layer};
    const auto constraints = measure_constraints(team_, solved, &pca, needs_of(paths_), [&](double fraction) {
      context_.hooks.progress("constraints " + layer, fraction);
      if (context_.hooks.stop_requested()) throw Stopped(stop_message);
    });
    on_root(team_, [&] {
      context_.folder.write(file_of("pca", layer), pca_group(layer, pca));
      context_.folder.write(file_of("modes", layer), modes_tree(constraints));
      context_.folder.write(file_of("constraints", layer), constraints_tree(layer, constraints));
    });
  }

  [[nodiscard]] Group pca_group(const std::string& layer, const Pca& pca) const {
    Group root;
    merge(root.group("pca/" + layer), pca_tree(pca, config_.pca.directions));
    return root;
  }

  // From its files, so that what comes after is the same whether it was measured now or by an earlier run.
  LayerConstraints read_constraints(const FirstSolution& start, const std::string& layer) const {
    auto constraints = constraints_from_trees(read_analysis(context_.folder, "constraints", layer),
                                              context_.folder.require(file_of("modes", layer)));
    constraints.block = network_.layer(layer).weight_block();
    const auto first = start.weights.begin() + constraints.block.offset;
    constraints.anchor.assign(first, first + constraints.block.size);
    return constraints;
  }

  void stop_if_asked(const std::string& stage, double fraction) const {
    context_.hooks.progress(stage, fraction);
    if (team_.any(context_.hooks.stop_requested())) throw_error(ErrorKind::stopped, stop_message, true);
  }

  /// This rank's share of the paths. Neighbours have the same layers trained, whose inputs are kept.
  void train_paths(const FirstSolution& start) const {
    std::optional<TaskInputs> inputs;
    for (std::size_t i = team_.rank(); i < paths_.size(); i += team_.size()) {
      const auto layers = trained_layers(paths_[i].trained, config_, network_);
      const int first = first_trained_layer(network_, trained_blocks(network_, layers, paths_[i].biases));
      if (!inputs || inputs->layer != first) inputs.emplace(start, first);
      PathTraining(start, *inputs, paths_[i], i).run();
    }
  }

  void collect() const {
    std::vector<std::vector<PointCurves>> points;
    for (std::size_t i = 0; i < paths_.size(); ++i)
      points.push_back(points_from_tree(context_.folder.require(PathTraining::file(i))));
    context_.folder.write("continual", continual_tree(config_.continual, paths_, points));
    for (const auto& layer : config_.pca.layers) context_.folder.remove(file_of("modes", layer));
  }

  const Communicator& team_;
  const UnitContext& context_;
  const Config& config_;
  Network network_;
  std::vector<ConstraintPath> paths_;
  std::vector<Task> tasks_;
};

/// That every class of a task has images, and every task enough for a minibatch.
void continual_check_images(const Config& config, const std::vector<WorkUnit>& units, const ImageDataset& data) {
  std::map<std::pair<std::int64_t, std::int64_t>, bool> looked_at;  // which images, and the batch size
  for (const auto& unit : units) {
    const auto& replica = unit.replica;
    if (!looked_at.try_emplace({replica.train_limit, replica.batch_size}, true).second) continue;
    const UnitData images(data, replica.subset());
    check_batch_size(make_tasks(config.continual, images), replica.batch_size);
  }
}

UnitOutcome continual_run(const Communicator& team, const UnitContext& context) {
  try {
    return ContinualPipeline(team, context).run();
  } catch (const SolverError& error) {
    return {UnitStatus::failed, error.what()};  // all paths rest on what the first task leaves
  }
}

std::vector<std::string> continual_stages(const Config& config) {
  std::vector<std::string> stages;
  for (const auto& layer : config.pca.layers) stages.insert(stages.end(), {"pca-" + layer, "constraints-" + layer});
  stages.emplace_back("continual");
  return stages;
}

void continual_check_stage(const Config&, const std::string& stage, const Group& tree) {
  if (stage != "continual") return;
  const auto& points = tree.subgroup(stage);
  const auto& shape = points.dataset("test_error").shape_of(3);
  if (shape[1] == 0 || shape[2] == 0) throw DamagedFile("the curves of the points are empty");
  for (const auto* name : {"method", "trained", "biases", "held", "leading_mode"})
    if (points.dataset(name).strings().size() != shape[0]) throw DamagedFile("the points are not all described");
  for (const auto* name : {"psi", "strength", "lambda"}) (void)numbers(points, name, shape[0]);
  if (points.dataset("constraint_count").values<std::int64_t>().size() != shape[0] ||
      points.dataset("test_error").values<double>().size() != shape[0] * shape[1] * shape[2])
    throw DamagedFile("the points are not all there");
}

void continual_read(const Config&, const UnitFolder& folder, UnitResult& result) {
  result.curves = folder.require("continual").subgroup("continual");
}

void continual_check(const Config& config, const Replica& replica, const Network& network, const DatasetShape& data) {
  check_window(config, replica, network, data);
  check_continual(config, replica, network);
}

}  // namespace

StudyKind continual_study() {
  return {.study = Study::continual,
          .check = continual_check,
          .check_images = continual_check_images,
          .estimate = estimate_continual,
          .run = continual_run,
          .stages = continual_stages,
          .check_stage = continual_check_stage,
          .read = continual_read,
          .summarise = summarise_continual};
}

}  // namespace flatsweep
