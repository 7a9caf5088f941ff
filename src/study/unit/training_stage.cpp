#include "training_stage.hpp"

#include "checkpoint_timer.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/par/agreement.hpp"
#include "flatsweep/study/cost/cost.hpp"
#include "flatsweep/study/grid/window_opening.hpp"
#include "training_tree.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flatsweep {

std::optional<MinibatchScheme> minibatches_after(const UnitContext& context, const TrainedUnit& trained) {
  if (!trained.unrecorded.minibatches.empty()) return std::nullopt;
  const auto options = context.unit.replica.trainer_options(context.config);
  const Sampler sampler(options.sampling, context.data.train().count(), options.batch_size, options.seed);
  return MinibatchScheme{options.batch_size, options.sampling,
                         sampler.order(trained.window_first_epoch + context.config.window.epochs)};
}

SnapshotSource window_from(const UnitContext& context, const TrainedUnit& trained, std::int64_t epoch,
                           ParameterBlock block) {
  const auto& config = context.config;
  const auto training = context.folder.require("training");
  const auto state = KeptStates(context).find(epoch, training.subgroup("training")).value();
  const auto begin = [resume = trained.resume, state] { return resume(state); };
  const auto trainer = begin();
  const auto iterations = config.window.epochs * trainer->iterations_per_epoch();
  const double bytes = window_bytes(config, context.unit.replica, context.data.shape()) + 4.0 * iterations * block.size;
  if (bytes > config.run.memory_per_rank * 0x1.0p30) return by_replay(begin, config.window.epochs, block);
  SnapshotRecorder recorder({block}, iterations);
  for (std::int64_t i = 0; i < config.window.epochs; ++i) {
    if (context.hooks.stop_requested()) throw Stopped(stop_message);
    trainer->run_steps([&](std::span<const float> weights) { recorder.record(weights); });
  }
  return in_memory(recorder.rows().front());
}

FrozenRun frozen_run(const UnitContext& context, const TrainedUnit& trained, const Network& network, int layer) {
  const auto& replica = context.unit.replica;
  return {network,
          trained.state.weights,
          layer,
          context.data.train(),
          replica.options_in_window(context.config).value_or(replica.trainer_options(context.config)),
          trained.window_first_epoch,
          context.config.window.epochs};
}

namespace {

DatasetShape of_size(DatasetShape shape, std::int64_t train, std::int64_t test) {
  shape.train_count = train;
  shape.test_count = test;
  return shape;
}

}  // namespace

TrainingStage::TrainingStage(const UnitContext& context, const ImageSet& train, const ImageSet& test)
    : context_(context),
      states_(context),
      config_(context.config),
      train_(train),
      test_(test),
      shape_(of_size(context.data.shape(), train.count(), test.count())),
      network_(context.unit.replica.network(shape_)),
      in_memory_(window_fits(config_, context.unit.replica, shape_)) {
  for (const auto& name : config_.pca.layers) blocks_.push_back(network_.layer(name).weight_block());
}

TrainedUnit TrainingStage::run() {
  if (auto reloaded = reload()) return std::move(*reloaded);
  const auto start = train_to_window();
  TrainedUnit trained{start, start.epoch, ends_unsolved(start), {}, {}, {}, {}};
  if (trained.unsolved) {
    context_.folder.write("training", training_tree(start, network_, start.epoch));
    return trained;
  }
  if (!start.diverged) {
    const auto trainer = make_trainer(start);
    run_window(*trainer, start.epoch);
    trained.state = trainer->state();
  }
  context_.folder.write("training", training_tree(trained.state, network_, trained.window_first_epoch));
  if (!trained.state.diverged) keep_window_start(start);
  if (!trained.state.diverged) complete_states(start, trained.state);
  context_.folder.remove_checkpoints();
  if (!trained.state.diverged) open_window(trained, start);
  if (config_.output.trajectory && !trained.state.diverged)
    context_.folder.write("trajectory", trajectory_tree(config_.pca.layers, recorder_->rows()));
  return trained;
}

std::vector<SnapshotSource> TrainingStage::replayed_windows() {
  in_memory_ = false;
  TrainedUnit trained;
  open_window(trained, train_to_window());
  return std::move(trained.windows);
}

// Training was finished by an earlier run: only the window has to be gone through again, for its snapshots.
std::optional<TrainedUnit> TrainingStage::reload() {
  const auto training = context_.folder.read("training", is_training());
  const auto window = context_.folder.read("window", is_state());
  if (!training || !window) return std::nullopt;
  auto start = TrainerState::from_tree(*window);
  TrainedUnit trained{state_from_training_tree(*training, network_), start.epoch, ends_unsolved(start), {}, {}, {}, {}};
  if (trained.state.diverged || trained.unsolved) return trained;
  if (!context_.folder.holds(window_start_stage)) keep_window_start(start);
  complete_states(start, trained.state);
  if (in_memory_) replay_into_memory(start, trained.state);
  open_window(trained, start);
  if (config_.output.trajectory && !context_.folder.read("trajectory"))
    context_.folder.write("trajectory", trajectory_tree(config_.pca.layers, recorder_->rows()));
  return trained;
}

ContentCheck TrainingStage::is_state() const {
  return [this](const Group& tree) { TrainerState::from_tree(tree).require_parameters(network_.parameters); };
}

ContentCheck TrainingStage::is_training() const {
  return [this](const Group& tree) { (void)state_from_training_tree(tree, network_); };
}

TrainerState TrainingStage::start_state() const {
  if (auto window = context_.folder.read("window", is_state())) return TrainerState::from_tree(*window);
  if (auto checkpoint = context_.folder.read_checkpoint(is_state())) return TrainerState::from_tree(*checkpoint);
  return first_state();
}

TrainerState TrainingStage::first_state() const {
  const auto& replica = context_.unit.replica;
  if (config_.fork.given())
    return forked_state(config_.fork, replica.trainer_options(config_).optimizer, network_.parameters);
  TrainerState state;
  state.weights = replica.initial_weights(network_, config_.network);
  return state;
}

void TrainingStage::complete_states(const TrainerState& start, const TrainerState& end) const {
  states_.complete([this] { return first_state(); }, start, end,
                   [this](TrainerState state) { return make_trainer(std::move(state)); });
}

bool TrainingStage::window_opens(const TrainerState& state) const {
  if (state.diverged || state.epoch >= config_.window.epoch) return true;
  return config_.window.start == WindowStart::zero_error && has_solution(state);
}

bool TrainingStage::has_solution(const TrainerState& state) const {
  const std::size_t wanted = config_.window.zero_error_epochs;
  if (state.history.size() < wanted) return false;
  return std::all_of(state.history.end() - wanted, state.history.end(),
                     [](const EpochRecord& record) { return record.train_error == 0.0; });
}

bool TrainingStage::ends_unsolved(const TrainerState& state) const {
  const auto& window = config_.window;
  return window.start == WindowStart::zero_error && window.unsolved == Unsolved::reported && !state.diverged &&
         !has_solution(state);
}

void TrainingStage::stop_if_asked(const Trainer& trainer) const {
  if (!context_.hooks.stop_requested()) return;
  context_.folder.write_checkpoint(trainer.state().to_tree());
  throw Stopped(stop_message);
}

TrainerState TrainingStage::train_to_window() {
  auto trainer = make_trainer(start_state());
  const double length = window_opening(config_) + config_.window.epochs;
  CheckpointTimer timer(config_.run);
  states_.keep(trainer->state());
  while (!window_opens(trainer->state())) {
    context_.hooks.progress("training", 1.0 * trainer->state().epoch / length);
    stop_if_asked(*trainer);
    trainer->run_epoch();
    states_.keep(trainer->state());
    context_.hooks.epoch("training", 1.0 * trainer->state().epoch / length, trainer->state());
    timer.count_epoch();
    if (!timer.is_due() || window_opens(trainer->state())) continue;
    context_.folder.write_checkpoint(trainer->state().to_tree());
    timer.restart();
  }
  if (!context_.folder.read("window", is_state())) context_.folder.write("window", trainer->state().to_tree());
  return trainer->state();
}

// Inside the window nothing is saved: an interrupted window is trained again from its start.
void TrainingStage::run_window(Trainer& trainer, std::int64_t first) {
  const auto observe = recorder();
  for (std::int64_t epoch = 0; epoch < config_.window.epochs; ++epoch) {
    context_.hooks.progress("window", 1.0 * (first + epoch) / (first + config_.window.epochs));
    if (context_.hooks.stop_requested()) throw Stopped(stop_message);
    trainer.run_epoch(observe);
    states_.keep(trainer.state());
    context_.hooks.epoch("window", 1.0 * (first + epoch + 1) / (first + config_.window.epochs), trainer.state());
  }
}

// For results.h5, from which the window can be gone through again when work/ is gone.
void TrainingStage::keep_window_start(const TrainerState& start) const {
  Group root;
  merge(root.group(window_start_stage), state_tree(start));
  context_.folder.write(window_start_stage, root);
}

void TrainingStage::replay_into_memory(const TrainerState& start, const TrainerState& end) {
  context_.hooks.progress("window again", 0.0);
  const auto trainer = make_trainer(start);
  const auto observe = recorder();
  for (std::int64_t epoch = 0; epoch < config_.window.epochs; ++epoch) trainer->run_steps(observe);
  if (trainer->state().weights != end.weights)
    context_.hooks.report(
        fmt::format("replica {}: the window gone through again ends in other weights than it did at first, as another "
                    "build or processor rounds otherwise: what is measured now is of a slightly different window",
                    unit_name(context_.unit.id)));
}

std::unique_ptr<Trainer> TrainingStage::make_trainer(TrainerState state) const {
  return std::make_unique<Trainer>(network_, train_, test_, context_.unit.replica.trainer_options(config_),
                                   std::move(state));
}

IterationObserver TrainingStage::recorder() {
  if (!in_memory_) return {};
  recorder_.emplace(blocks_, config_.window.epochs * context_.unit.replica.iterations_per_epoch(shape_));
  return [this](std::span<const float> weights) { recorder_->record(weights); };
}

void TrainingStage::open_window(TrainedUnit& trained, const TrainerState& start) const {
  trained.restart_window = [stage = *this, start] { return stage.make_trainer(start); };
  trained.resume = [stage = *this](TrainerState state) { return stage.make_trainer(std::move(state)); };
  for (std::size_t i = 0; i < blocks_.size(); ++i)
    trained.windows.push_back(in_memory_ ? in_memory(recorder_->rows()[i])
                                         : by_replay(trained.restart_window, config_.window.epochs, blocks_[i]));
}

TrainedUnit train_on_team(const Communicator& team, const UnitContext& context, const ImageSet& train,
                          const ImageSet& test) {
  TrainedUnit trained;
  on_root(team, [&] { trained = TrainingStage(context, train, test).run(); });
  share_on_team(team, context.config, trained);
  return trained;
}

void share_on_team(const Communicator& team, const Config& config, TrainedUnit& trained) {
  auto& weights = trained.state.weights;
  trained.state.diverged = team.any(trained.state.diverged);
  trained.unsolved = team.any(trained.unsolved);
  trained.state.epoch = team.broadcast(trained.state.epoch);
  trained.window_first_epoch = team.broadcast(trained.window_first_epoch);
  weights.resize(team.broadcast(std::ssize(weights)));
  team.broadcast(std::span(weights));
  trained.windows.resize(config.pca.layers.size());
}

}  // namespace flatsweep
