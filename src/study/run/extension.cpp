#include "flatsweep/study/run/extension.hpp"

#include "flatsweep/study/grid/config_lines.hpp"
#include "flatsweep/study/grid/grid.hpp"
#include "flatsweep/study/studies/studies.hpp"
#include "stage_digests.hpp"
#include "study/pool/cross_analysis.hpp"
#include "study/run/axis_value.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

namespace flatsweep {

namespace {

/// A key that training follows from, other than those of the axes.
std::string changed_training(const Config& before, const Config& now) {
  std::map<std::string, std::string> values;
  for (const auto& line : config_lines(now.fingerprint)) values[line.name] = line.value;
  for (const auto& line : config_lines(before.fingerprint)) {
    if (line.table == "grid" || is_axis_key(line.name) || !trains(before, line.table)) continue;
    if (values[line.name] != line.value)
      return fmt::format(
          "{} was {} and would be {}: all replicas would have to be trained anew; start a run of its own", line.name,
          line.value, values[line.name]);
  }
  return "";
}

template <class T>
bool has(const std::vector<T>& values, const T& value) {
  return std::ranges::find(values, value) != values.end();
}

template <class T>
std::vector<T> values_on(const std::vector<Replica>& replicas, const GridAxis<T>& axis) {
  std::vector<T> values;
  for (const auto& replica : replicas)
    if (!has(values, replica.*axis.value)) values.push_back(replica.*axis.value);
  return values;
}

/// The axis on which a value of earlier replicas is not asked for any more.
std::string lost_value(const Config& before, const Config& now) {
  const auto earlier = expand_grid(before), asked = expand_grid(now);
  std::string said;
  each_axis([&](const auto& axis) {
    if (axis.role == AxisRole::assumption || !said.empty()) return;
    const auto values = values_on(asked, axis);
    for (const auto& value : values_on(earlier, axis)) {
      if (has(values, value) || !said.empty()) continue;
      const bool listed = !(before.grid.*axis.values).empty() || !(now.grid.*axis.values).empty();
      std::vector<std::string> all;
      for (const auto& v : values_on(earlier, axis)) all.push_back(axis_value(v));
      for (const auto& v : values)
        if (!has(all, axis_value(v))) all.push_back(axis_value(v));
      said = fmt::format(
          "{}: the results have replicas with {}, which are not asked for any more; replicas are added beside them, "
          "with "
          "grid.{} = [{}]",
          listed ? "grid." + std::string(axis.name) : std::string(axis.key), axis_value(value), axis.name,
          fmt::join(all, ", "));
    }
  });
  return said;
}

std::string listed_temperatures(const Config& before, const Config& now) {
  auto all = before.grid.temperature;
  for (const double value : now.grid.temperature)
    if (!has(all, value)) all.push_back(value);
  return fmt::format("grid.temperature = [{}]", fmt::join(all, ", "));
}

/// Where the replica stands on the axes on which `all` differ: "batch_size = 10, seed = 1".
std::string place_among(const Replica& replica, const std::vector<Replica>& all) {
  std::vector<std::string> places;
  each_axis([&](const auto& axis) {
    const auto differs = [&](const Replica& other) { return other.*axis.value != replica.*axis.value; };
    if (std::ranges::any_of(all, differs))
      places.push_back(fmt::format("{} = {}", axis.name, axis_value(replica.*axis.value)));
  });
  return fmt::format("{}", fmt::join(places, ", "));
}

/// A replica that is not asked for any more, although all of its values are: rates that follow from temperatures are
/// not combined with every batch size.
std::string lost_replica(const Config& before, const Config& now) {
  auto replicas = expand_grid(now);
  const auto asked = std::ssize(replicas);
  for (auto replica : expand_grid(before)) {
    replica.id += asked;
    replicas.push_back(std::move(replica));
  }
  for (const auto& unit : group_into_units(replicas))
    if (unit.id >= asked)
      return fmt::format("the results have a replica with {}, which is not asked for any more",
                         place_among(unit.replica, replicas));
  return "";
}

/// What is not asked for any more where learning rates follow from temperatures, then or now.
std::string lost_temperature(const Config& before, const Config& now) {
  const bool then = !before.grid.temperature.empty();
  if (!then && now.grid.temperature.empty()) return "";
  const auto lost = lost_replica(before, now);
  if (lost.empty()) return "";
  return fmt::format("grid.temperature: {}; {}", lost,
                     then ? "replicas are added beside them, with " + listed_temperatures(before, now)
                          : "list rates in grid.learning_rate, as the run did");
}

/// More training images than any replica has read: to all that is compared by its digest the data are others.
std::string other_data(const Config& before, const Config& now) {
  const auto read = data_in_use(before).train_limit, wanted = data_in_use(now).train_limit;
  if (read == wanted) return "";
  return fmt::format(
      "{}.train_limit: the run has read {} training images, and {} would be another data set; start a run "
      "of its own",
      now.grid.train_limit.empty() ? "data" : "grid", read == 0 ? "all" : fmt::format("{}", read),
      wanted == 0 ? "all" : fmt::format("{}", wanted));
}

/// Stages of replicas and comparisons, by what they are called in the configuration.
std::vector<std::string> contents_of(const Config& config) {
  auto stages = study_of(config).stages(config);
  for (const auto* analysis : enabled_cross_analyses(config))
    for (const auto& layer : config.pca.layers) stages.push_back(analysis->name + "-" + layer);
  return stages;
}

/// What the results have and would not have any more.
std::string lost_stage(const Config& before, const Config& now) {
  const auto wanted = contents_of(now);
  for (const auto& stage : contents_of(before)) {
    if (has(wanted, stage)) continue;
    const auto dash = stage.find('-');
    if (dash == std::string::npos)
      return fmt::format("{} is in the results and would be lost: leave it as it was",
                         stage == "trajectory" ? "output.trajectory" : stage + ".enabled");
    const auto layer = stage.substr(dash + 1);
    if (stage.starts_with("states-"))
      return fmt::format(
          "at_epochs.epochs: the state after epoch {} is in the results and would be lost; name it beside "
          "those to add",
          std::stoll(layer));
    if (!has(now.pca.layers, layer))
      return fmt::format("pca.layers: {} is in the results and would be lost; name it beside the layers to add", layer);
    return fmt::format("{}.enabled: {} is in the results and would be lost; leave it true", stage.substr(0, dash),
                       stage);
  }
  return "";
}

}  // namespace

std::string obstacle_to_adding(const Config& before, const Config& now) {
  if (const auto* said = study_of(before).no_adding; said != nullptr) return said;
  if (auto said = changed_training(before, now); !said.empty()) return said;
  if (auto said = lost_temperature(before, now); !said.empty()) return said;
  if (auto said = lost_value(before, now); !said.empty()) return said;
  if (auto said = other_data(before, now); !said.empty()) return said;
  return lost_stage(before, now);
}

bool keeps_numbers(const Config& before, const Config& now) {
  const auto earlier = expand_grid(before), asked = expand_grid(now);
  if (earlier.size() > asked.size()) return false;
  for (std::size_t i = 0; i < earlier.size(); ++i)
    if (!same_grid_point(earlier[i], asked[i]) || earlier[i].seed != asked[i].seed || earlier[i].psi != asked[i].psi)
      return false;
  return true;
}

}  // namespace flatsweep
