#include "flatsweep/study/models/find_models.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/limits.hpp"
#include "flatsweep/par/agreement.hpp"
#include "flatsweep/study/grid/grid.hpp"
#include "model_columns.hpp"
#include "model_file.hpp"
#include "model_files.hpp"
#include "model_text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flatsweep {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view name_mark = "{model}";

std::vector<fs::path> all_files(const std::vector<std::string>& patterns, std::string_view key) {
  std::vector<fs::path> files;
  for (const auto& pattern : patterns)
    for (auto& file : files_of(pattern, key)) files.push_back(std::move(file));
  return files;
}

std::vector<ModelEntry> list_models(const ModelConfig& config) {
  const auto files = all_files(config.weights, "model.weights");
  if (files.size() > limits::replicas)
    throw ConfigError(fmt::format("model.weights names {} files; {} are the most", files.size(), limits::replicas));
  const auto names = model_names(files);
  std::vector<ModelEntry> models(files.size());
  for (std::size_t i = 0; i < files.size(); ++i) {
    models[i].name = names[i];
    models[i].file = files[i];
  }
  return models;
}

/// The patterns of one model's trajectory.
std::vector<std::string> patterns_for(const std::string& model, std::vector<std::string> patterns) {
  for (auto& pattern : patterns)
    for (auto at = pattern.find(name_mark); at != std::string::npos; at = pattern.find(name_mark, at + model.size()))
      pattern.replace(at, name_mark.size(), model);
  return patterns;
}

void check_patterns(const ModelConfig& config) {
  if (config.found.size() == 1) return;
  for (const auto& pattern : config.trajectory)
    if (pattern.find(name_mark) == std::string::npos)
      throw ConfigError(
          fmt::format("model.trajectory = \"{}\" is one for {} models; write {} where it has the model's "
                      "name, for example \"{}-trajectory.npz\"",
                      pattern, config.found.size(), name_mark, name_mark));
}

/// What is wrong with one model is its own affair.
void look_at_model(const Config& config, const DatasetShape& data, ModelEntry& model,
                   std::map<std::string, std::string>& metadata) {
  model.architecture = config.network.architecture;
  model.snapshots.assign(config.pca.layers.size(), 0);
  try {
    model.trajectory = all_files(patterns_for(model.name, config.model.trajectory), "model.trajectory");
    look_at_headers(config, data, model, metadata);
  } catch (const Error& error) {
    model.problem = error.what();
    model.architecture = config.network.architecture;
    model.snapshots.assign(config.pca.layers.size(), 0);
  }
}

/// An error that all have is the user's, not the models'.
void require_whole_model(const std::vector<ModelEntry>& models) {
  if (std::ranges::any_of(models, [](const auto& model) { return model.problem.empty(); })) return;
  throw ConfigError(models.size() == 1 ? models.front().problem
                                       : fmt::format("none of the {} models can be analysed; the first: {}",
                                                     models.size(), models.front().problem));
}

std::vector<fs::path> files_of_all(const std::vector<ModelEntry>& models) {
  std::vector<fs::path> files;
  for (const auto& model : models) {
    if (!model.problem.empty()) continue;
    files.push_back(model.file);
    files.insert(files.end(), model.trajectory.begin(), model.trajectory.end());
  }
  return files;
}

void find_on_root(Config& config, ModelHash hash) {
  auto& models = config.model;
  models.found = list_models(models);
  check_patterns(models);
  const auto data = inspect_dataset(data_in_use(config));
  std::vector<std::map<std::string, std::string>> metadata(models.found.size());
  for (std::size_t i = 0; i < models.found.size(); ++i) look_at_model(config, data, models.found[i], metadata[i]);
  require_whole_model(models.found);
  if (models.columns == "metadata")
    take_metadata(metadata, models);
  else if (!models.columns.empty())
    read_columns(models.columns, models);
  if (hash == ModelHash::made) models.sha256 = hash_files(files_of_all(models.found));
}

}  // namespace

void find_models(const Communicator& world, Config& config, ModelHash hash) {
  if (config.study != Study::models) return;
  std::string text;
  on_root(world, [&] {
    find_on_root(config, hash);
    text = text_of_models(config.model);
  });
  world.broadcast(text);
  agree(world, [&] { models_from_text(text, config.model); });
}

}  // namespace flatsweep
