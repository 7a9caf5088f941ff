#include "grid_columns.hpp"

#include "flatsweep/base/numbers.hpp"
#include "flatsweep/base/text.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace flatsweep {

namespace {

constexpr std::int64_t most_of_i4 = std::numeric_limits<std::int32_t>::max();

// Whole numbers that fit are stored as i4.
template <class T>
Column<Replica> axis_column(const GridAxis<T>& axis) {
  const auto value = axis.value;
  const std::string name(axis.name), sentence(axis.sentence);
  if constexpr (WordedEnum<T>) {
    return {name, "", sentence, [value](const Replica& replica) { return replica.*value; }};
  } else {
    if constexpr (std::is_integral_v<T>)
      if (axis.bounds.high <= most_of_i4)
        return {name, "1", sentence, [value](const Replica& replica) { return static_cast<int>(replica.*value); }};
    return {name, "1", sentence, [value](const Replica& replica) { return replica.*value; }};
  }
}

// Names of files and texts of users may hold anything; a column's word is one line.
Column<Replica> name_column(const ModelConfig& config) {
  std::vector<std::string> names;
  for (const auto& model : config.found) names.push_back(printable(model.name));
  return {"model", "", "name of the network made elsewhere",
          [names](const Replica& replica) { return names[replica.model]; }};
}

Column<Replica> user_column(const ModelConfig& config, std::size_t column) {
  std::vector<std::string> texts;
  for (const auto& model : config.found) texts.push_back(printable(model.columns[column]));
  const auto& [name, numbers] = config.column_names[column];
  const auto* sentence = "column that model.columns gives the networks";
  const auto text = [texts](const Replica& replica) { return texts[replica.model]; };
  if (!numbers) return {name, "", sentence, text};
  return {name, "1", sentence,
          [text](const Replica& replica) { return number_from<double>(text(replica)).value_or(nan); }};
}

Column<Replica> architecture_column() {
  return {"architecture", "", "name of the architecture, or its layers",
          [](const Replica& replica) { return replica.architecture.label(); }};
}

/// Settings with equal alpha/B have much in common (docs/science/hyperparameters.md).
Column<Replica> temperature_column() {
  return {"temperature", "1", "learning rate over batch size, alpha/B",
          [](const Replica& replica) { return replica.learning_rate / replica.batch_size; }};
}

}  // namespace

std::vector<Column<Replica>> grid_columns(const Config& config, AxisRows rows) {
  if (config.study != Study::models) return grid_columns(config.study, rows);
  std::vector<Column<Replica>> columns = {architecture_column(), name_column(config.model)};
  if (rows == AxisRows::replicas)
    for (std::size_t i = 0; i < config.model.column_names.size(); ++i) columns.push_back(user_column(config.model, i));
  return columns;
}

std::vector<Column<Replica>> grid_columns(Study study, AxisRows rows) {
  std::vector<Column<Replica>> columns = {architecture_column()};
  each_axis([&](const auto& axis) {
    const bool of_point = axis.role == AxisRole::grid_point;
    if ((rows == AxisRows::replicas || of_point) && belongs(axis.use, study)) columns.push_back(axis_column(axis));
    if (axis.value_is(&AxisValues::learning_rate)) columns.push_back(temperature_column());
  });
  return columns;
}

}  // namespace flatsweep
