#include "load.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/numbers.hpp"
#include "flatsweep/par/agreement.hpp"
#include "flatsweep/train/evaluator.hpp"
#include "model_file.hpp"
#include "study/unit/training_tree.hpp"

#include <fmt/format.h>

#include <cmath>

namespace flatsweep {

namespace {

constexpr const char* no_order = "the order of minibatches is not known";

const ModelEntry& model_of(const UnitContext& context) {
  return context.config.model.found[context.unit.replica.model];
}

std::string why_no_stride(const ModelEntry& model) {
  if (model.stride == 1) return "";
  return model.stride == 0 ? "the steps between snapshots are not known"
                           : fmt::format("snapshots are {} steps apart", model.stride);
}

double trajectory_bytes(const std::vector<LayerTrajectory>& trajectories) {
  double bytes = 0.0;
  for (const auto& layer : trajectories) bytes += 4.0 * layer.snapshots * layer.size;
  return bytes;
}

/// One for every layer of pca.layers; checked against the weights.
std::vector<SnapshotSource> open_windows(const Config& config, const ModelFile& model,
                                         const std::vector<float>& weights) {
  const bool kept = trajectory_bytes(model.trajectories) <= config.run.memory_per_rank * 0x1.0p30;
  std::vector<SnapshotSource> windows;
  for (std::size_t i = 0; i < model.trajectories.size(); ++i) {
    const auto& trajectory = model.trajectories[i];
    if (trajectory.snapshots == 0) {
      windows.emplace_back();
      continue;
    }
    windows.push_back(kept ? snapshots_in_memory(trajectory) : snapshots_of(trajectory));
    const auto& layer = model.network.layer(config.pca.layers[i]);
    check_snapshots(windows.back(), std::span(weights).subspan(layer.weights, layer.size()), layer.name);
  }
  return windows;
}

EpochRecord evaluate_model(const UnitContext& context, const Network& network, const std::vector<float>& weights) {
  Evaluator evaluator(network);
  const auto train = evaluator.evaluate(weights, context.data.train());
  const auto test = evaluator.evaluate(weights, context.data.test());
  if (!std::isfinite(train.loss))
    throw ConfigError("its loss is not finite on the training set; is it trained on these images?");
  EpochRecord record;
  record.train_loss = train.loss;
  record.train_error = train.error;
  record.test_loss = test.loss;
  record.test_error = test.error;
  record.gradient_norm = record.gradient_alignment = nan;
  return record;
}

void tell(const UnitContext& context, const EpochRecord& at) {
  const auto& model = model_of(context);
  auto line = fmt::format("model {}: training loss {:.6g}, ", model.name, at.train_loss);
  line += context.data.shape().targets == Targets::real ? fmt::format("test loss {:.6g}", at.test_loss)
                                                        : fmt::format("training error {:.3g} %, test error {:.3g} %",
                                                                      100.0 * at.train_error, 100.0 * at.test_error);
  for (const auto& note : model.notes) line += "; " + note;
  context.hooks.tell(line);
}

/// @throws ConfigError, IoError of the model's files
TrainedUnit read_model(const UnitContext& context) {
  const auto& model = model_of(context);
  if (!model.problem.empty()) throw ConfigError(model.problem);
  const auto opened = open_model(context.config, context.data.shape(), model);
  TrainedUnit unit;
  unit.state.weights = read_weights(opened.file, opened.arrays, opened.network);
  unit.state.history.push_back(evaluate_model(context, opened.network, unit.state.weights));
  tell(context, unit.state.history.back());
  unit.windows = open_windows(context.config, opened, unit.state.weights);
  return unit;
}

/// What is wrong with a model is no error of the run.
TrainedUnit read_or_say(const UnitContext& context, std::string& problem) {
  const auto& model = model_of(context);
  const auto with_file = [&](const std::string& said) {
    return said.find(model.file.string()) == std::string::npos ? model.file.string() + ": " + said : said;
  };
  try {
    return read_model(context);
  } catch (const ConfigError& error) {
    problem = with_file(error.what());
  } catch (const IoError& error) {
    problem = with_file(error.what());
  }
  return {};
}

}  // namespace

Unrecorded unrecorded_of(const Config& config, const ModelEntry& model) {
  Unrecorded unknown;
  for (std::size_t i = 0; i < model.snapshots.size(); ++i)
    unknown.trajectory.push_back(
        model.snapshots[i] > 0 ? "" : fmt::format("there is no trajectory of {}", config.pca.layers[i]));
  unknown.replay = no_order;
  if (config.data.targets == Targets::real) unknown.classes = no_classes;
  unknown.stride = why_no_stride(model);
  switch (config.model.training) {
    case TrainingKnown::unknown:
      unknown.minibatches = no_order;
      unknown.steps = "the minibatches and the learning rate are not known";
      break;
    case TrainingKnown::minibatches:
      unknown.steps = "the learning rate is not known";
      break;
    case TrainingKnown::window:
      unknown.stride.clear();
      break;
  }
  return unknown;
}

TrainedUnit load_on_team(const Communicator& team, const UnitContext& context, std::string& problem) {
  TrainedUnit unit;
  on_root(team, [&] { unit = read_or_say(context, problem); });
  team.broadcast(problem);
  unit.unrecorded = unrecorded_of(context.config, model_of(context));
  unit.window_first_epoch = context.config.window.epoch;
  on_root(team, [&] {
    const auto network = context.unit.replica.network(context.data.shape());
    context.folder.write("training", training_tree(unit.state, network, unit.window_first_epoch));
  });
  share_on_team(team, context.config, unit);
  return unit;
}

}  // namespace flatsweep
