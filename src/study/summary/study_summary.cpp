#include "study_summary.hpp"

#include "flatsweep/study/summary/summary.hpp"
#include "study/store/tree_entries.hpp"

#include <functional>

namespace flatsweep {

StudySummary summarise_study(const Config& config, const std::vector<WorkUnit>& units,
                             const std::vector<UnitResult>& results, std::int64_t training_samples) {
  switch (config.study) {
    case Study::continual:
      return summarise_continual(units, results);
    case Study::noise:
      return summarise_noise(config, units, results);
    case Study::landscape:
      break;
  }
  const auto points = summarise(config, units, results, training_samples);
  return {summary_tree(config, points, units, results), summary_table(points)};
}

std::vector<GridPointSeeds> group_by_point(const std::vector<WorkUnit>& units, const std::vector<UnitResult>& results) {
  std::vector<GridPointSeeds> points;
  for (const auto& numbers : units_by_grid_point(units)) {
    GridPointSeeds point{units[numbers.front()].replica, {}};
    for (const auto i : numbers)
      if (results[i].status == "done") point.results.push_back(&results[i]);
    if (!point.results.empty()) points.push_back(std::move(point));
  }
  return points;
}

namespace {

void add_integers(Group& group, const char* name, const std::vector<Replica>& rows, std::int64_t Replica::*member,
                  const std::string& axis) {
  std::vector<std::int32_t> values;
  for (const auto& row : rows) values.push_back(static_cast<std::int32_t>(row.*member));
  group.add(name, std::span<const std::int32_t>(values), {length(values)}, {axis});
}

void add_texts(Group& group, const char* name, const std::vector<Replica>& rows, const std::string& axis,
               const std::function<std::string(const Replica&)>& text) {
  std::vector<std::string> values;
  for (const auto& row : rows) values.push_back(text(row));
  group.add(name, std::span<const std::string>(values), {axis});
}

}  // namespace

void add_grid_columns(Group& group, const std::vector<Replica>& rows, const std::string& axis) {
  add_integers(group, "batch_size", rows, &Replica::batch_size, axis);
  std::vector<double> rates;
  for (const auto& row : rows) rates.push_back(row.learning_rate);
  add(group, "learning_rate", rates, {axis}, "1", "alpha");
  add_integers(group, "width", rows, &Replica::width, axis);
  add_integers(group, "hidden_layers", rows, &Replica::hidden_layers, axis);
  add_texts(group, "architecture", rows, axis, [](const auto& r) { return r.architecture.label(); });
  add_texts(group, "sampling", rows, axis, [](const auto& r) { return std::string(to_string(r.sampling)); });
}

}  // namespace flatsweep
