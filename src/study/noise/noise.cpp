#include "noise.hpp"

#include "flatsweep/analysis/gradient_modes.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/base/limits.hpp"
#include "flatsweep/base/log.hpp"
#include "flatsweep/par/agreement.hpp"
#include "flatsweep/train/gradient_descent.hpp"
#include "noise_modes.hpp"
#include "study/unit/checkpoint_timer.hpp"
#include "study/unit/training_tree.hpp"
#include "study/unit/unit_record.hpp"

#include <fmt/format.h>

#include <optional>

namespace flatsweep {

namespace {

std::optional<NoiseShape> shape_of_noise(NoiseMethod method) {
  switch (method) {
    case NoiseMethod::flatness_detecting:
      return NoiseShape::flatness_detecting;
    case NoiseMethod::isotropic:
      return NoiseShape::isotropic;
    case NoiseMethod::diagonal:
      return NoiseShape::diagonal;
    case NoiseMethod::sgd:
    case NoiseMethod::gradient_descent:
      break;
  }
  return std::nullopt;
}

/// One unit's way through training, on every rank of the team. Rank 0 alone touches files.
class NoisePipeline {
 public:
  NoisePipeline(const Communicator& team, const UnitContext& context)
      : team_(team),
        context_(context),
        config_(context.config),
        replica_(context.unit.replica),
        network_(replica_.network(context.data.shape())),
        shape_(shape_of_noise(replica_.noise_method)),
        timer_(config_.run) {}

  UnitOutcome run() {
    if (replica_.noise_method == NoiseMethod::sgd)
      on_root(team_, [&] { train_by_minibatches(); });
    else
      descend();
    team_.broadcast(trouble_);
    return {team_.any(diverged_) ? UnitStatus::diverged : UnitStatus::done, trouble_};
  }

 private:
  [[nodiscard]] std::optional<Group> read_checkpoint() const {
    std::optional<Group> checkpoint;
    on_root(team_, [&] {
      checkpoint = context_.folder.read_checkpoint([&](const Group& tree) {
        check_state(tree);
        const auto measured = tree.dataset("noise_weights").values<float>().size();
        if (measured != 0 && measured != network_.parameters)
          throw DamagedFile("the weights of the noise are not those of this network");
      });
    });
    return checkpoint;
  }

  void check_state(const Group& tree) const { TrainerState::from_tree(tree).require_parameters(network_.parameters); }

  [[nodiscard]] TrainerState start() const {
    TrainerState state;
    state.weights = replica_.initial_weights(network_, config_.network);
    return state;
  }

  void train_by_minibatches() {
    const auto checkpoint = context_.folder.read_checkpoint([&](const Group& tree) { check_state(tree); });
    const auto& data = context_.data;
    Trainer trainer(network_, data.train(), data.test(), replica_.trainer_options(config_),
                    checkpoint ? TrainerState::from_tree(*checkpoint) : start());
    while (goes_on(trainer.state(), config_.noise.sgd_epochs)) {
      progress(trainer.state().epoch, config_.noise.sgd_epochs);
      const bool stop = context_.hooks.stop_requested();
      if (stop || timer_.is_due()) {
        context_.folder.write_checkpoint(trainer.state().to_tree());
        timer_.restart();
      }
      if (stop) throw Stopped(stop_message);
      trainer.run_epoch();
      tell_epoch(trainer.state(), config_.noise.sgd_epochs);
      timer_.count_epoch();
    }
    write_results(trainer.state());
  }

  void descend() {
    auto state = start_state();
    GradientDescent descent(team_, network_, context_.data.train(), context_.data.test(), replica_.learning_rate,
                            std::move(state));
    if (shape_ && !measured_at_.empty()) renew_noise(measured_at_);
    while (!diverged_ && goes_on(descent.state(), config_.noise.epochs)) {
      progress(descent.state().epoch, config_.noise.epochs);
      save_if_due(descent.state());
      if (shape_ && descent.state().epoch % config_.noise.renew_epochs == 0) renew_noise(descent.state().weights);
      descent.run_epoch(noise_ ? &*noise_ : nullptr);
      tell_epoch(descent.state(), config_.noise.epochs);
      timer_.count_epoch();
    }
    on_root(team_, [&] { write_results(descent.state()); });
  }

  /// The same on every rank: one that resumed has no rows before its next epoch, and no checkpoint is of a reached
  /// loss.
  [[nodiscard]] bool goes_on(const TrainerState& state, std::int64_t epochs) const {
    return state.epoch < epochs && !state.diverged && !reached(state);
  }

  [[nodiscard]] bool reached(const TrainerState& state) const {
    const double level = config_.noise.until_loss;
    return level > 0.0 && !state.history.empty() && state.history.back().train_loss <= level;
  }

  /// The checkpoint's state on every rank, and the weights at which the noise of the epochs to come was measured.
  TrainerState start_state() {
    const auto checkpoint = read_checkpoint();
    if (!team_.any(checkpoint.has_value())) return start();
    TrainerState state;
    if (checkpoint) {
      state = TrainerState::from_tree(*checkpoint);
      const auto measured = checkpoint->dataset("noise_weights").values<float>();
      measured_at_.assign(measured.begin(), measured.end());
    }
    state.epoch = team_.broadcast(state.epoch);
    for (auto* numbers : {&state.weights, &state.previous_gradient, &measured_at_}) {
      numbers->resize(team_.broadcast(numbers->size()));
      team_.broadcast(std::span(*numbers));
    }
    return state;
  }

  void save_if_due(const TrainerState& state) {
    const bool stop = team_.any(context_.hooks.stop_requested());
    if (!team_.any(stop || timer_.is_due())) return;
    on_root(team_, [&] {
      auto tree = state.to_tree();
      tree.add("noise_weights", std::span<const float>(measured_at_), {measured_at_.size()}, {"noise_weight"});
      context_.folder.write_checkpoint(tree);
    });
    timer_.restart();
    if (stop) throw_error(ErrorKind::stopped, stop_message, true);
  }

  /// Gradients that overflow have no spectrum: the run has diverged.
  void renew_noise(const std::vector<float>& weights) {
    measured_at_ = weights;
    noise_.reset();
    try {
      spectra_ = measure_noise_modes(team_, context_, network_, weights);
    } catch (const SolverError& error) {
      diverged_ = true;
      trouble_ = std::string("the noise has no modes: ") + error.what();
      return;
    }
    std::vector<NoiseModes> layers;
    for (auto& modes : spectra_) layers.push_back(std::move(modes.leading));
    noise_.emplace(*shape_, replica_.noise_strength, replica_.seed, layers);
    for (std::size_t i = 0; i < layers.size(); ++i) spectra_[i].leading.values = std::move(layers[i].values);
  }

  void write_results(const TrainerState& state) {
    diverged_ = diverged_ || state.diverged;
    if (state.diverged) trouble_ = divergence(state);
    context_.folder.write("noise", noise_tree(network_, spectra_, reached(state)));
    context_.folder.write("training", training_tree(state, network_, state.epoch));
  }

  void progress(std::int64_t epoch, std::int64_t epochs) const {
    context_.hooks.progress(to_string(replica_.noise_method), 1.0 * epoch / epochs);
  }

  void tell_epoch(const TrainerState& state, std::int64_t epochs) const {
    context_.hooks.epoch(to_string(replica_.noise_method), 1.0 * state.epoch / epochs, state);
  }

  const Communicator& team_;
  const UnitContext& context_;
  const Config& config_;
  const Replica& replica_;
  Network network_;
  std::optional<NoiseShape> shape_;
  std::vector<float> measured_at_;      // weights; empty before the first measurement
  std::vector<GradientModes> spectra_;  // of every layer, without vectors
  std::optional<NoiseInjection> noise_;
  CheckpointTimer timer_;
  bool diverged_ = false;
  std::string trouble_;  // why it diverged
};

/// F comes from all the gradients at once.
void check_minibatches(const Config& config, const Replica& replica, const Network& network) {
  const double count = config.noise.minibatches;
  const double samples = count * replica.batch_size;
  if (samples > limits::noise_samples)
    throw ConfigError(
        fmt::format("noise.minibatches = {} of batch_size = {} are {:.3g} samples; {:.3g} are the most, take fewer",
                    config.noise.minibatches, replica.batch_size, samples, limits::noise_samples));
  const double bytes = 4.0 * count * network.parameters;
  if (bytes > limits::noise_gradient_bytes)
    throw ConfigError(fmt::format(
        "noise.minibatches = {}: the gradients by {} parameters would take {}; {} are the "
        "most, take fewer",
        config.noise.minibatches, network.parameters, format_bytes(bytes), format_bytes(limits::noise_gradient_bytes)));
}

void noise_check(const Config& config, const Replica& replica, const Network& network, const DatasetShape&) {
  check_minibatches(config, replica, network);
  if (replica.optimizer != OptimizerKind::sgd)
    throw ConfigError(fmt::format("the study \"noise\" makes plain steps; take the optimizer \"sgd\", not \"{}\"",
                                  to_string(replica.optimizer)));
}

UnitOutcome noise_run(const Communicator& team, const UnitContext& context) {
  return NoisePipeline(team, context).run();
}

void noise_read(const Config&, const UnitFolder& folder, UnitResult& result) {
  result.curves = folder.require("training").subgroup("training");
}

}  // namespace

StudyKind noise_study() {
  return {.study = Study::noise,
          .check = noise_check,
          .estimate = estimate_noise,
          .run = noise_run,
          .stages = [](const Config&) { return std::vector<std::string>{"noise"}; },
          .read = noise_read,
          .summarise = summarise_noise};
}

}  // namespace flatsweep
