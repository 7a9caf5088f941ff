#include "model_file.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/text.hpp"
#include "flatsweep/study/grid/grid.hpp"
#include "recording.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace flatsweep {

namespace {

/// The name of each layer's weights in the file.
std::vector<std::string> names_of_weights(const ArrayList& list, const std::vector<LayerArrays>& arrays) {
  std::vector<std::string> names;
  for (const auto& layer : arrays) names.push_back(list.arrays[layer.weights].name);
  return names;
}

/// What is wrong with a model's files is said with the model's name.
template <class Work>
auto about_model(const ModelEntry& model, Work&& work) {
  const auto prefix = [&](const Error& error) {
    const std::string said = error.what(), file = model.file.string();
    return said.find(file) != std::string::npos ? said : file + ": " + said;
  };
  try {
    return work();
  } catch (const ConfigError& error) {
    throw ConfigError(prefix(error));
  } catch (const IoError& error) {
    throw IoError(prefix(error));
  }
}

ModelFile open_files(const Config& config, const DatasetShape& data, const ModelEntry& model, ArrayFile file) {
  const bool recorded = is_recording(file.list());
  auto network = replica_of(config, model).network(data);
  auto arrays = map_weights(file.list(), network, config.model.names, recorded ? recorded_weights : "");
  auto trajectories =
      find_trajectories(model, file.list(), names_of_weights(file.list(), arrays), network, config.pca.layers);
  return {std::move(network), std::move(file), std::move(arrays), std::move(trajectories)};
}

void note_missing_biases(const ModelFile& opened, ModelEntry& model) {
  std::vector<std::string> layers;
  for (std::size_t i = 0; i < opened.arrays.size(); ++i)
    if (opened.arrays[i].bias < 0) layers.push_back(opened.network.layers[i].name);
  if (!layers.empty()) model.notes.push_back(fmt::format("{} without biases: they are 0", fmt::join(layers, ", ")));
}

/// A window of [window] has as many snapshots as its epochs have iterations.
void check_window_length(const Config& config, const DatasetShape& data, const ModelEntry& model) {
  const auto iterations = config.window.epochs * (data.train_count / config.train.batch_size);
  for (const auto snapshots : model.snapshots)
    if (snapshots != 0 && snapshots != iterations)
      throw ConfigError(
          fmt::format("model.training = \"window\": the trajectory has {} snapshots, and "
                      "window.length_epochs = {} with train.batch_size = {} are {} iterations",
                      snapshots, config.window.epochs, config.train.batch_size, iterations));
}

void check_loss(const Config& config, const Recording& recording) {
  if (!recording.loss.empty() && recording.loss != to_string(config.train.loss))
    throw ConfigError(fmt::format("it was trained with the loss {}, and train.loss is \"{}\"; set the one it had",
                                  printable(recording.loss), to_string(config.train.loss)));
}

}  // namespace

ModelFile open_model(const Config& config, const DatasetShape& data, const ModelEntry& model) {
  return about_model(model, [&] { return open_files(config, data, model, ArrayFile(model.file)); });
}

void look_at_headers(const Config& config, const DatasetShape& data, ModelEntry& model,
                     std::map<std::string, std::string>& metadata) {
  about_model(model, [&] {
    ArrayFile file(model.file);
    metadata = file.list().metadata;
    if (is_recording(file.list())) {
      const auto recording = read_recording(file.list());
      check_loss(config, recording);
      model.architecture = recording.architecture;
      for (auto& layer : model.architecture.layers)
        if (layer.activation == config.network.activation) layer.activation.reset();
      model.stride = recording.stride;
      model.batch_size = recording.batch_size;
    }
    const auto opened = open_files(config, data, model, std::move(file));
    for (std::size_t i = 0; i < model.snapshots.size(); ++i) model.snapshots[i] = opened.trajectories[i].snapshots;
    note_missing_biases(opened, model);
    if (config.model.training == TrainingKnown::window) check_window_length(config, data, model);
  });
}

}  // namespace flatsweep
