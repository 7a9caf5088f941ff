#include "model_text.hpp"

#include <nlohmann/json.hpp>

#include <stdexcept>

namespace flatsweep {

namespace {

using Json = nlohmann::json;

/// Names of files are bytes, which need not be UTF-8.
Json as_binary(const std::string& text) { return Json::binary({text.begin(), text.end()}); }

std::string from_binary(const Json& bytes) {
  const auto& binary = bytes.get_binary();
  return {binary.begin(), binary.end()};
}

Json list_of(const auto& texts) {
  auto list = Json::array();
  for (const auto& text : texts) list.push_back(as_binary(std::string(text)));
  return list;
}

template <class Text>
std::vector<Text> list_from_binary(const Json& list) {
  std::vector<Text> texts;
  for (const auto& bytes : list) texts.emplace_back(from_binary(bytes));
  return texts;
}

Json json_of(const ModelEntry& model) {
  std::vector<std::string> trajectory, layers;
  for (const auto& file : model.trajectory) trajectory.push_back(file.string());
  for (const auto& layer : model.architecture.layers) layers.push_back(to_string(layer));
  return {as_binary(model.name),
          as_binary(model.file.string()),
          list_of(trajectory),
          list_of(model.columns),
          as_binary(model.architecture.name),
          list_of(layers),
          model.snapshots,
          model.stride,
          model.batch_size,
          list_of(model.notes),
          as_binary(model.problem)};
}

ModelEntry model_from(const Json& json) {
  ModelEntry model;
  model.name = from_binary(json.at(0));
  model.file = from_binary(json.at(1));
  model.trajectory = list_from_binary<std::filesystem::path>(json.at(2));
  model.columns = list_from_binary<std::string>(json.at(3));
  model.architecture.name = from_binary(json.at(4));
  for (const auto& layer : list_from_binary<std::string>(json.at(5)))
    model.architecture.layers.push_back(parse_layer_spec(layer));
  model.snapshots = json.at(6).get<std::vector<std::int64_t>>();
  model.stride = json.at(7).get<std::int64_t>();
  model.batch_size = json.at(8).get<std::int64_t>();
  model.notes = list_from_binary<std::string>(json.at(9));
  model.problem = from_binary(json.at(10));
  return model;
}

}  // namespace

std::string text_of_models(const ModelConfig& config) {
  auto columns = Json::array(), models = Json::array();
  for (const auto& column : config.column_names) columns.push_back({as_binary(column.name), column.numbers});
  for (const auto& model : config.found) models.push_back(json_of(model));
  const auto bytes = Json::to_cbor(Json{columns, models, as_binary(config.sha256)});
  return {bytes.begin(), bytes.end()};
}

void models_from_text(const std::string& text, ModelConfig& config) {
  const auto json = Json::from_cbor(text);
  config.column_names.clear();
  config.found.clear();
  for (const auto& column : json.at(0))
    config.column_names.push_back({from_binary(column.at(0)), column.at(1).get<bool>()});
  for (const auto& model : json.at(1)) config.found.push_back(model_from(model));
  config.sha256 = from_binary(json.at(2));
}

}  // namespace flatsweep
