#include "training_tree.hpp"

#include "flatsweep/base/column_of.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/linalg/entries.hpp"
#include "study/store/tree_entries.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace flatsweep {

namespace {

using Shape = std::vector<std::uint64_t>;

struct Curve {
  const char* name;
  double EpochRecord::*member;
  const char* description;
};
constexpr std::array<Curve, 6> curves = {
    {{"train_loss", &EpochRecord::train_loss, "mean loss over the training set after the epoch"},
     {"train_error", &EpochRecord::train_error, "fraction of the training set classified wrongly after the epoch"},
     {"test_loss", &EpochRecord::test_loss, "mean loss over the test set after the epoch"},
     {"test_error", &EpochRecord::test_error, "fraction of the test set classified wrongly after the epoch"},
     {"gradient_norm", &EpochRecord::gradient_norm,
      "mean over the epoch's iterations of A_g = |g|, g the minibatch gradient of all weights and biases (eq. S2); of "
      "gradient descent, the gradient of all samples"},
     {"gradient_alignment", &EpochRecord::gradient_alignment,
      "mean over the epoch's iterations of C_g = g(t).g(t+1)/(|g(t)| |g(t+1)|), g the minibatch gradient (eq. S3)"}}};

void add_epoch_curves(Group& group, const TrainerState& state) {
  std::vector<std::int32_t> epochs;
  for (std::size_t i = 0; i < state.history.size(); ++i) epochs.push_back(i + 1);
  auto& epoch = group.add("epoch", std::span<const std::int32_t>(epochs), {length(epochs)}, {"epoch"});
  describe(epoch, "epochs", "number of epochs done when the row was measured");
  for (const auto& curve : curves)
    add(group, curve.name, column_of(state.history, curve.member), {"epoch"}, "1", curve.description);
}

std::vector<std::string> weight_axes(const Layer& layer) {
  std::vector<std::string> axes = {layer.name + "_output", layer.name + "_input"};
  if (layer.convolution) axes.insert(axes.end(), {layer.name + "_row", layer.name + "_column"});
  return axes;
}

void add_weights(Group& group, const TrainerState& state, const Network& network) {
  if (state.weights.empty()) return;  // of a network made elsewhere that could not be read
  const std::span<const float> all(state.weights);
  for (const auto& layer : network.layers) {
    const std::uint64_t outputs = layer.outputs;
    describe(group.add(layer.name, all.subspan(layer.weights, layer.size()), layer.shape(), weight_axes(layer)), "1",
             "weights of the layer at the end of training (and of the window), w_0");
    describe(group.add(layer.name + "_bias", all.subspan(layer.bias, outputs), {outputs}, {layer.name + "_output"}),
             "1", "biases of the layer at the end of training (and of the window)");
  }
}

std::vector<EpochRecord> history_from(const Group& training) {
  std::vector<EpochRecord> history(training.dataset(curves.front().name).values<double>().size());
  for (const auto& curve : curves) {
    const auto values = numbers(training, curve.name, history.size());
    for (std::size_t i = 0; i < values.size(); ++i) history[i].*curve.member = values[i];
  }
  return history;
}

}  // namespace

void set_training_attributes(Group& group, std::int64_t epochs_trained, std::int64_t window_first_epoch,
                             bool diverged) {
  group.set("epochs_trained", epochs_trained, "epochs", trained_sentence);
  group.set("window_first_epoch", window_first_epoch, "epochs", "number of epochs done when the window opened");
  group.set("diverged", std::int64_t{diverged}, "1", "1 where a loss was not finite, else 0");
}

Group training_tree(const TrainerState& state, const Network& network, std::int64_t window_first_epoch) {
  Group root;
  set_training_attributes(root, state.epoch, window_first_epoch, state.diverged);
  add_epoch_curves(root.group("training"), state);
  add_weights(root.group("weights"), state, network);
  return root;
}

TrainerState state_from_training_tree(const Group& tree, const Network& network) {
  TrainerState state;
  state.epoch = tree.integer("epochs_trained");
  state.diverged = tree.integer("diverged") != 0;
  state.weights.resize(network.parameters);
  const auto& weights = tree.subgroup("weights");
  const auto& training = tree.subgroup("training");
  const auto take = [&](const std::string& name, std::size_t first, std::size_t size) {
    const auto values = weights.dataset(name).values<float>();
    if (values.size() != size) throw DamagedFile("the weights of " + name + " are not as many as the network has");
    std::ranges::copy(values, state.weights.begin() + first);
  };
  for (const auto& layer : network.layers) {
    take(layer.name, layer.weights, layer.size());
    take(layer.name + "_bias", layer.bias, layer.outputs);
  }
  state.history = history_from(training);
  return state;
}

std::string state_stage(std::int64_t epoch) { return fmt::format("states-{:06}", epoch); }
std::string state_group(std::int64_t epoch) { return fmt::format("states/{:06}", epoch); }

Group state_tree(const TrainerState& state) {
  Group group;
  group.set("epoch", state.epoch, "epochs", "number of epochs done when the window opened");
  group.set("optimizer_steps", state.optimizer.steps, "1", "number of steps that the optimiser has made");
  const auto keep = [&](const char* name, const std::vector<float>& values, const char* description) {
    if (values.empty()) return;
    describe(group.add(name, std::span<const float>(values), {length(values)}, {"parameter"}), "1", description);
  };
  keep("weights", state.weights,
       "all weights and biases when the window opened, in the order of the layers, each layer's weights before its "
       "biases");
  keep("previous_gradient", state.previous_gradient,
       "gradient of the last minibatch before the window opened, for the first gradient alignment");
  keep("optimizer_first", state.optimizer.first,
       "velocity of SGD with momentum or Nesterov's, or first moment of Adam, when the window opened");
  keep("optimizer_second", state.optimizer.second, "second moment of Adam when the window opened");
  return group;
}

TrainerState state_from_tree(const Group& group, const Group& training) {
  TrainerState state;
  state.epoch = group.integer("epoch");
  state.optimizer.steps = group.integer("optimizer_steps");
  const auto take = [&](const char* name) {
    const auto* dataset = group.find(name);
    if (dataset == nullptr) return std::vector<float>{};
    const auto values = dataset->values<float>();
    return std::vector<float>(values.begin(), values.end());
  };
  state.weights = take("weights");
  state.previous_gradient = take("previous_gradient");
  state.optimizer.first = take("optimizer_first");
  state.optimizer.second = take("optimizer_second");
  state.history = history_from(training);
  if (state.epoch < 0 || state.epoch > std::ssize(state.history))
    throw DamagedFile("a state is of an epoch that the training curves do not reach");
  state.history.resize(state.epoch);
  return state;
}

Group trajectory_tree(const std::vector<std::string>& layers, const std::vector<std::shared_ptr<RowMatrixF>>& rows) {
  Group root;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto& matrix = *rows[i];
    const Shape shape = matrix_shape(matrix);
    auto& dataset = root.group("trajectory")
                        .add(layers[i], entries(matrix), shape, {layers[i] + "_iteration", layers[i] + "_weight"});
    describe(dataset, "1", "the layer's weights after every iteration of the window");
  }
  return root;
}

}  // namespace flatsweep
