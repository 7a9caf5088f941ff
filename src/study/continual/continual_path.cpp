#include "continual_path.hpp"

#include "constraints_tree.hpp"
#include "flatsweep/analysis/pca.hpp"
#include "flatsweep/analysis/spread.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/base/numbers.hpp"
#include "flatsweep/nn/block_samples.hpp"
#include "flatsweep/study/store/work_folder.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace flatsweep {

TaskInputs::TaskInputs(const FirstSolution& start, int first) : layer(first) {
  for (const auto& task : start.tasks) {
    train.emplace_back(start.network, start.weights, first, task.train());
    test.emplace_back(start.network, start.weights, first, task.test());
  }
}

namespace {

TrainerOptions further_task_options(const UnitContext& context) {
  auto options = context.unit.replica.trainer_options(context.config);
  if (context.config.continual.learning_rate > 0.0)
    options.optimizer.learning_rate = context.config.continual.learning_rate;
  return options;
}

}  // namespace

std::string PathTraining::file(std::size_t number) { return "path-" + unit_name(number); }

PathTraining::PathTraining(const FirstSolution& start, const TaskInputs& inputs, const ConstraintPath& path,
                           std::size_t number)
    : start_(start),
      inputs_(inputs),
      path_(path),
      config_(start.context.config),
      file_(file(number)),
      checkpoint_(file_ + "-checkpoint"),
      options_(further_task_options(start.context)),
      trained_(trained_blocks(start.network, trained_layers(path.trained, config_, start.network), path.biases)),
      held_(path.choice.kind == ConstraintKind::none ? std::vector<std::size_t>{} : held_layers(path.held, config_)),
      evaluator_(start.network, evaluation_block.of(start.network), Direction::forward_only),
      timer_(config_.run) {}

void PathTraining::run() {
  const auto& folder = start_.context.folder;
  if (folder.read(file_, [this](const Group& tree) { (void)read_points(tree, path_.strengths.size()); })) return;
  std::optional<Point> unfinished;
  (void)folder.read(checkpoint_, [&](const Group& checkpoint) {
    auto finished = read_points(checkpoint.subgroup("finished"));
    if (finished.size() >= path_.strengths.size()) throw DamagedFile("no point is left to be learnt");
    unfinished = resume(checkpoint);
    finished_ = std::move(finished);
  });
  timer_.restart();
  while (finished_.size() < path_.strengths.size()) {
    auto point = unfinished ? std::move(*unfinished) : begin(path_.strengths[finished_.size()]);
    unfinished.reset();
    finished_.push_back(finish(point));
  }
  folder.write(file_, points_tree(finished_));
  folder.remove(checkpoint_);
}

std::vector<Penalty> PathTraining::first_penalties() const {
  std::vector<Penalty> penalties;
  for (const auto i : held_) penalties.push_back(make_penalty(start_.constraints[i], path_.choice));
  return penalties;
}

PathTraining::Point PathTraining::begin(double strength) const {
  Point point;
  point.state.epoch = start_.epoch;
  point.state.weights = start_.weights;
  point.penalties = first_penalties();
  point.curves.strength = strength;
  point.curves.train.assign(start_.tasks.size(), {nan, nan});
  const double largest = largest_stiffness(point.penalties);
  if (path_.choice.kind == ConstraintKind::ldc && config_.continual.scale == StrengthScale::absolute)
    point.curves.lambda = strength * std::pow(10.0, -path_.choice.psi);
  else if (config_.continual.scale == StrengthScale::absolute)
    point.curves.lambda = strength;
  else
    point.curves.lambda = largest > 0.0 ? strength / largest : 0.0;
  return point;
}

std::vector<PointCurves> PathTraining::read_points(const Group& tree, std::optional<std::size_t> count) const {
  auto points = points_from_tree(tree);
  const auto of_all_tasks = [&](const std::vector<Evaluation>& row) { return row.size() == start_.tasks.size(); };
  for (const auto& point : points)
    if (!of_all_tasks(point.train) || !std::ranges::all_of(point.test, of_all_tasks))
      throw DamagedFile("the points are of other tasks");
  if (count && points.size() != *count) throw DamagedFile("the points are not all there");
  return points;
}

PathTraining::Point PathTraining::resume(const Group& checkpoint) const {
  Point point;
  const auto task = checkpoint.integer("task");
  if (task < 1 || task >= std::ssize(start_.tasks)) throw DamagedFile("the task at hand is none of these");
  point.task = task;
  point.state = TrainerState::from_tree(checkpoint.subgroup("state"));
  point.state.require_parameters(start_.network.parameters);
  point.curves = read_points(checkpoint.subgroup("curves"), 1).front();
  for (std::size_t i = 0; i < held_.size(); ++i)
    if (const auto* penalty = checkpoint.find_group("penalty-" + std::to_string(i)))
      point.penalties.push_back(penalty_from_tree(*penalty, start_.constraints[held_[i]].block));
  if (point.task == 1) point.penalties = first_penalties();
  if (point.penalties.size() != held_.size()) throw DamagedFile("the penalties are not all there");
  return point;
}

void PathTraining::save(const Point& point) const {
  Group tree;
  tree.set("task", static_cast<Index>(point.task));
  const auto put = [&](const std::string& name, Group group) {
    group.name = name;
    tree.groups.push_back(std::move(group));
  };
  put("state", point.state.to_tree());
  put("curves", points_tree({point.curves}));
  put("finished", points_tree(finished_));
  // The penalties of the first task are made again from what all points share.
  for (std::size_t i = 0; point.task > 1 && i < point.penalties.size(); ++i)
    put("penalty-" + std::to_string(i), penalty_tree(point.penalties[i]));
  start_.context.folder.write(checkpoint_, tree);
}

PointCurves PathTraining::finish(Point& point) {
  if (point.curves.test.empty()) point.curves.test.push_back(evaluate_all(point.state.weights, inputs_.test));
  for (; point.task < start_.tasks.size(); ++point.task) {
    learn(point);
    point.state.optimizer = {};
    if (point.task + 1 < start_.tasks.size() && !point.state.diverged) hold_on(point);
  }
  auto& curves = point.curves;
  curves.train = evaluate_all(point.state.weights, inputs_.train);
  curves.displacement = displacement(point.state.weights);
  curves.diverged = point.state.diverged;
  const auto rows = 1 + (start_.tasks.size() - 1) * config_.continual.epochs;
  curves.test.resize(rows, std::vector<Evaluation>(start_.tasks.size(), {nan, nan}));
  return std::move(curves);
}

std::int64_t PathTraining::last_epoch(const Point& point) const {
  return start_.epoch + point.task * config_.continual.epochs;
}

/// Epochs done when the window opens whose PCA the next task is held to; the last epoch where there is none.
std::int64_t PathTraining::window_epoch(const Point& point) const {
  const bool recorded = point.task + 1 < start_.tasks.size() && holds_directions(path_.choice.kind);
  return last_epoch(point) - (recorded ? std::min(config_.window.epochs, config_.continual.epochs) : 0);
}

void PathTraining::learn(Point& point) {
  std::optional<ProximalStep> penalty;
  if (point.curves.lambda > 0.0)
    penalty.emplace(point.penalties, point.curves.lambda, proximal_rate(options_.optimizer));
  TaskTrainer trainer(start_.network, inputs_.train[point.task], options_, trained_, std::move(point.state));
  IterationObserver observe;
  while (trainer.state().epoch < last_epoch(point) && !trainer.state().diverged) {
    if (trainer.state().epoch <= window_epoch(point)) save_if_due(point, trainer);
    if (trainer.state().epoch == window_epoch(point))  // never where no window is wanted: it would open at the end
      observe = record_window((last_epoch(point) - window_epoch(point)) * trainer.iterations_per_epoch());
    trainer.run_epoch(penalty ? &*penalty : nullptr, observe);
    timer_.count_epoch();
    if (!trainer.state().diverged) point.curves.test.push_back(evaluate_all(trainer.state().weights, inputs_.test));
  }
  point.state = trainer.state();
}

void PathTraining::save_if_due(Point& point, const TaskTrainer& trainer) {
  const auto& hooks = start_.context.hooks;
  const double total = (start_.tasks.size() - 1) * path_.strengths.size();
  const double done = finished_.size() * (start_.tasks.size() - 1) + point.task - 1;
  hooks.progress(file_ + " " + std::string(to_string(path_.choice.kind)), done / total);
  const bool stop = hooks.stop_requested();
  if (!stop && !timer_.is_due()) return;
  point.state = trainer.state();
  save(point);
  timer_.restart();
  if (stop) throw Stopped(stop_message);
}

/// Of the held layers.
IterationObserver PathTraining::record_window(std::int64_t iterations) {
  std::vector<ParameterBlock> blocks;
  for (const auto i : held_) blocks.push_back(start_.constraints[i].block);
  window_.emplace(blocks, iterations);
  return [this](std::span<const float> weights) { window_->record(weights); };
}

bool PathTraining::is_trained(const ParameterBlock& block) const {
  return std::ranges::any_of(trained_, [&](const ParameterBlock& part) {
    return part.offset <= block.offset && block.offset < part.offset + part.size;
  });
}

// What the task just learnt wants to be held joins what is held already, around the weights as they are now.
void PathTraining::hold_on(Point& point) {
  const auto alone = Communicator::self();
  const auto needs = needs_of({&path_, 1});
  const auto& train = start_.tasks[point.task].train();
  for (std::size_t i = 0; i < point.penalties.size(); ++i) {
    if (!is_trained(start_.constraints[held_[i]].block)) continue;
    std::optional<Pca> pca;
    if (window_) pca = principal_components(alone, in_memory(window_->rows()[i]));
    const SolvedTask solved{start_.context,      start_.network,    train,
                            point.state.weights, point.state.epoch, config_.pca.layers[held_[i]]};
    const auto layer = measure_constraints(alone, solved, pca ? &*pca : nullptr, needs, {});
    point.penalties[i] = merge_penalties(point.penalties[i], make_penalty(layer, path_.choice));
  }
  window_.reset();
}

std::vector<Evaluation> PathTraining::evaluate_all(std::span<const float> weights, const std::vector<LayerInputs>& of) {
  std::vector<Evaluation> tasks;
  for (const auto& inputs : of) tasks.push_back(evaluate(evaluator_, weights, inputs));
  return tasks;
}

double PathTraining::displacement(std::span<const float> weights) const {
  double squares = 0.0;
  for (const auto& layer : start_.constraints)
    for (std::size_t j = layer.block.offset; j < layer.block.offset + layer.block.size; ++j)
      squares += std::pow(static_cast<double>(weights[j]) - start_.weights[j], 2);
  return std::sqrt(squares);
}

}  // namespace flatsweep
