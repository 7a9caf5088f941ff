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

/// In a checkpoint.
std::string state_name(std::size_t point) { return "state-" + std::to_string(point); }

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
  std::optional<Points> unfinished;
  (void)folder.read(checkpoint_, [&](const Group& checkpoint) {
    auto finished = read_points(checkpoint.subgroup("finished"));
    if (finished.size() >= path_.strengths.size()) throw DamagedFile("no point is left to be learnt");
    unfinished = resume(checkpoint, finished.size());
    finished_ = std::move(finished);
  });
  timer_.restart();
  while (finished_.size() < path_.strengths.size()) {
    auto points = unfinished ? std::move(*unfinished) : begin();
    unfinished.reset();
    finish(points);
  }
  folder.write(file_, points_tree(finished_));
  folder.remove(checkpoint_);
}

std::vector<Penalty> PathTraining::first_penalties() const {
  std::vector<Penalty> penalties;
  for (const auto i : held_) penalties.push_back(make_penalty(start_.constraints[i], path_.choice));
  return penalties;
}

// The points of one further task are held to the same; of more, each is held to where its own tasks have led.
std::span<const double> PathTraining::next_strengths(std::size_t finished) const {
  const auto left = std::span(path_.strengths).subspan(finished);
  return start_.tasks.size() == 2 ? left : left.first(1);
}

double PathTraining::lambda(double strength, double largest_stiffness) const {
  if (path_.choice.kind == ConstraintKind::ldc && config_.continual.scale == StrengthScale::absolute)
    return strength * std::pow(10.0, -path_.choice.psi);
  if (config_.continual.scale == StrengthScale::absolute) return strength;
  return largest_stiffness > 0.0 ? strength / largest_stiffness : 0.0;
}

PathTraining::Points PathTraining::begin() const {
  Points points;
  points.penalties = first_penalties();
  const double largest = largest_stiffness(points.penalties);
  for (const double strength : next_strengths(finished_.size())) {
    auto& state = points.states.emplace_back();
    state.epoch = start_.epoch;
    state.weights = start_.weights;
    auto& curves = points.curves.emplace_back();
    curves.strength = strength;
    curves.lambda = lambda(strength, largest);
    curves.train = nothing();
  }
  return points;
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

PathTraining::Points PathTraining::resume(const Group& checkpoint, std::size_t finished) const {
  Points points;
  const auto task = checkpoint.integer("task");
  if (task < 1 || task >= std::ssize(start_.tasks)) throw DamagedFile("the task at hand is none of these");
  points.task = task;
  points.curves = read_points(checkpoint.subgroup("curves"), next_strengths(finished).size());
  for (std::size_t i = 0; i < points.curves.size(); ++i) {
    auto& state = points.states.emplace_back(TrainerState::from_tree(checkpoint.subgroup(state_name(i))));
    state.require_parameters(start_.network.parameters);
    if (state.epoch != points.states.front().epoch) throw DamagedFile("the points are not equally far");
  }
  for (std::size_t i = 0; i < held_.size(); ++i)
    if (const auto* penalty = checkpoint.find_group("penalty-" + std::to_string(i)))
      points.penalties.push_back(penalty_from_tree(*penalty, start_.constraints[held_[i]].block));
  if (points.task == 1) points.penalties = first_penalties();
  if (points.penalties.size() != held_.size()) throw DamagedFile("the penalties are not all there");
  return points;
}

void PathTraining::save(const Points& points) const {
  Group tree;
  tree.set("task", static_cast<Index>(points.task));
  const auto put = [&](const std::string& name, Group group) {
    group.name = name;
    tree.groups.push_back(std::move(group));
  };
  for (std::size_t i = 0; i < points.states.size(); ++i) put(state_name(i), points.states[i].to_tree());
  put("curves", points_tree(points.curves));
  put("finished", points_tree(finished_));
  // The penalties of the first task are made again from what all points share.
  for (std::size_t i = 0; points.task > 1 && i < points.penalties.size(); ++i)
    put("penalty-" + std::to_string(i), penalty_tree(points.penalties[i]));
  start_.context.folder.write(checkpoint_, tree);
}

std::vector<Evaluation> PathTraining::nothing() const { return {start_.tasks.size(), {nan, nan}}; }

/// Adds a row to the curves of each point.
void PathTraining::evaluate_tests(Points& points) {
  for (std::size_t i = 0; i < points.states.size(); ++i) {
    const auto& state = points.states[i];
    points.curves[i].test.push_back(state.diverged ? nothing() : evaluate_all(state.weights, inputs_.test));
  }
}

void PathTraining::finish(Points& points) {
  if (points.curves.front().test.empty()) {  // all points begin at the same weights
    const auto at_first = evaluate_all(start_.weights, inputs_.test);
    for (auto& curves : points.curves) curves.test.push_back(at_first);
  }
  for (; points.task < start_.tasks.size(); ++points.task) {
    learn(points);
    for (auto& state : points.states) state.optimizer = {};
    if (points.task + 1 < start_.tasks.size() && !points.states.front().diverged) hold_on(points);
  }
  const auto rows = 1 + (start_.tasks.size() - 1) * config_.continual.epochs;
  for (std::size_t i = 0; i < points.states.size(); ++i) {
    auto& curves = points.curves[i];
    const auto& state = points.states[i];
    curves.train = evaluate_all(state.weights, inputs_.train);
    curves.displacement = displacement(state.weights);
    curves.diverged = state.diverged;
    curves.test.resize(rows, nothing());
    finished_.push_back(std::move(curves));
  }
}

std::int64_t PathTraining::last_epoch(const Points& points) const {
  return start_.epoch + points.task * config_.continual.epochs;
}

/// Epochs done when the window opens whose PCA the next task is held to; the last epoch where there is none.
std::int64_t PathTraining::window_epoch(const Points& points) const {
  const bool recorded = points.task + 1 < start_.tasks.size() && holds_directions(path_.choice.kind);
  return last_epoch(points) - (recorded ? std::min(config_.window.epochs, config_.continual.epochs) : 0);
}

void PathTraining::learn(Points& points) {
  std::vector<double> lambdas;
  for (const auto& curves : points.curves) lambdas.push_back(curves.lambda);
  std::optional<ProximalStep> penalty;
  if (std::ranges::any_of(lambdas, [](double of_point) { return of_point > 0.0; }))
    penalty.emplace(points.penalties, lambdas, proximal_rate(options_.optimizer));
  TaskTrainer trainer(start_.network, inputs_.train[points.task], options_, trained_, points.states);
  PointObserver observe;
  while (trainer.epoch() < last_epoch(points) && !trainer.all_diverged()) {
    if (trainer.epoch() <= window_epoch(points)) save_if_due(points, trainer);
    if (trainer.epoch() == window_epoch(points))  // never where no window is wanted: it would open at the end
      observe = record_window((last_epoch(points) - window_epoch(points)) * trainer.iterations_per_epoch());
    trainer.run_epoch(penalty ? &*penalty : nullptr, observe);
    timer_.count_epoch();
    points.states = trainer.points();
    evaluate_tests(points);
  }
}

void PathTraining::save_if_due(Points& points, const TaskTrainer& trainer) {
  const auto& hooks = start_.context.hooks;
  const double tasks = start_.tasks.size() - 1, learnt = points.task - 1;
  const double of_task = 1.0 - 1.0 * (last_epoch(points) - trainer.epoch()) / config_.continual.epochs;
  const double done = finished_.size() + points.states.size() * (learnt + of_task) / tasks;
  hooks.progress(file_ + " " + std::string(to_string(path_.choice.kind)), done / path_.strengths.size());
  const bool stop = hooks.stop_requested();
  if (!stop && !timer_.is_due()) return;
  save(points);
  timer_.restart();
  if (stop) throw Stopped(stop_message);
}

/// Of the held layers.
PointObserver PathTraining::record_window(std::int64_t iterations) {
  std::vector<ParameterBlock> blocks;
  for (const auto i : held_) blocks.push_back(start_.constraints[i].block);
  window_.emplace(blocks, iterations);
  return [this](std::size_t, std::span<const float> weights) { window_->record(weights); };
}

bool PathTraining::is_trained(const ParameterBlock& block) const {
  return std::ranges::any_of(trained_, [&](const ParameterBlock& part) {
    return part.offset <= block.offset && block.offset < part.offset + part.size;
  });
}

// What the task just learnt wants to be held joins what is held already, around the weights as they are now.
void PathTraining::hold_on(Points& points) {
  const auto& state = points.states.front();
  const auto alone = Communicator::self();
  const auto needs = needs_of({&path_, 1});
  const auto& train = start_.tasks[points.task].train();
  for (std::size_t i = 0; i < points.penalties.size(); ++i) {
    if (!is_trained(start_.constraints[held_[i]].block)) continue;
    std::optional<Pca> pca;
    if (window_) pca = principal_components(alone, in_memory(window_->rows()[i]));
    const SolvedTask solved{start_.context, start_.network, train,
                            state.weights,  state.epoch,    config_.pca.layers[held_[i]]};
    const auto layer = measure_constraints(alone, solved, pca ? &*pca : nullptr, needs, {});
    points.penalties[i] = merge_penalties(points.penalties[i], make_penalty(layer, path_.choice));
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
      squares += std::pow(1.0 * weights[j] - start_.weights[j], 2);
  return std::sqrt(squares);
}

}  // namespace flatsweep
