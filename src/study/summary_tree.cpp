#include "flatsweep/study/summary.hpp"
#include "spread.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <set>

namespace flatsweep {

namespace {

using Points = std::vector<const GridPointSummary*>;

void add_real(Group& group, const char* name, const Points& points,
              const std::function<double(const GridPointSummary&)>& number, const char* description) {
  std::vector<double> values;
  for (const auto* point : points) values.push_back(number(*point));
  group.add(name, std::span<const double>(values), {values.size()}, {"point"}).description = description;
}

void add_integer(Group& group, const char* name, const Points& points,
                 const std::function<std::int64_t(const GridPointSummary&)>& number, const char* description) {
  std::vector<std::int32_t> values;
  for (const auto* point : points) values.push_back(static_cast<std::int32_t>(number(*point)));
  group.add(name, std::span<const std::int32_t>(values), {values.size()}, {"point"}).description = description;
}

void add_text(Group& group, const char* name, const Points& points,
              const std::function<std::string(const GridPointSummary&)>& text) {
  std::vector<std::string> values;
  for (const auto* point : points) values.push_back(text(*point));
  group.add(name, std::span<const std::string>(values), {"point"});
}

/// Columns name, name_low, name_high.
void add_exponent(Group& group, const std::string& name, const Points& points,
                  const std::function<Exponent(const GridPointSummary&)>& exponent, const std::string& of) {
  add_real(
      group, name.c_str(), points, [&](const auto& p) { return exponent(p).value; }, ("exponent of " + of).c_str());
  add_real(
      group, (name + "_low").c_str(), points, [&](const auto& p) { return exponent(p).low; },
      "lower end of its 95 % bootstrap interval");
  add_real(
      group, (name + "_high").c_str(), points, [&](const auto& p) { return exponent(p).high; },
      "upper end of its 95 % bootstrap interval");
}

/// The columns that name a grid point, and how many seeds were done.
void add_points(Group& group, const Points& points) {
  add_integer(
      group, "batch_size", points, [](const auto& p) { return p.point.batch_size; }, "B");
  add_real(
      group, "learning_rate", points, [](const auto& p) { return p.point.learning_rate; }, "alpha");
  add_integer(
      group, "width", points, [](const auto& p) { return p.point.width; }, "H");
  add_integer(
      group, "hidden_layers", points, [](const auto& p) { return p.point.hidden_layers; }, "number of hidden layers");
  add_text(group, "architecture", points, [](const auto& p) { return p.point.architecture.label(); });
  add_text(group, "optimizer", points, [](const auto& p) { return std::string(to_string(p.point.optimizer)); });
  add_text(group, "sampling", points, [](const auto& p) { return std::string(to_string(p.point.sampling)); });
  add_integer(
      group, "replicas", points, [](const auto& p) { return p.replicas; }, "seeds that were done");
}

void add_psi_table(Group& group, const Points& points) {
  add_points(group, points);
  add_exponent(
      group, "psi", points, [](const auto& p) { return p.psi.all; }, "variance against flatness, seeds pooled");
  add_exponent(
      group, "psi_below", points, [](const auto& p) { return p.psi.below; },
      "the same over directions flatter than the crossover lambda_x");
  add_exponent(
      group, "psi_above", points, [](const auto& p) { return p.psi.above; },
      "the same over directions sharper than the crossover lambda_x");
  add_real(
      group, "train_loss", points, [](const auto& p) { return p.train_loss; }, "mean over seeds, at the end");
  add_real(
      group, "train_error", points, [](const auto& p) { return p.train_error; }, "mean over seeds, at the end");
  add_real(
      group, "test_error", points, [](const auto& p) { return p.test_error; }, "mean over seeds, at the end");
  add_real(
      group, "test_error_std", points, [](const auto& p) { return p.test_error_std; }, "standard deviation over seeds");
  add_real(
      group, "solution_alignment", points, [](const auto& p) { return p.solution_alignment; },
      "mean of |p_1.w_0|/|w_0|");
  add_real(
      group, "learning_dimension", points, [](const auto& p) { return p.learning_dimension; }, "mean over seeds");
  add_real(
      group, "learning_dimension_without_first", points,
      [](const auto& p) { return p.learning_dimension_without_first; }, "mean over seeds");
}

void add_dynamics_table(Group& group, const Points& points) {
  add_points(group, points);
  add_exponent(
      group, "psi_d", points, [](const auto& p) { return p.dynamics.psi_d; }, "noise strength against flatness");
  add_exponent(
      group, "psi_tau", points, [](const auto& p) { return p.dynamics.psi_tau; }, "tau = sigma^2/D against flatness");
  add_exponent(
      group, "psi_tau_window", points, [](const auto& p) { return p.dynamics.psi_tau_window; },
      "tau of eq. S19 as printed against flatness");
  add_exponent(
      group, "psi_same_directions", points, [](const auto& p) { return p.dynamics.psi; },
      "variance against flatness over the same directions");
}

void add_nulls_table(Group& group, const Points& points) {
  add_points(group, points);
  add_exponent(
      group, "walk_psi", points, [](const auto& p) { return p.nulls.walk; },
      "a walk of the gradient noise at w_0 along its own directions, mean over seeds");
  add_exponent(
      group, "fresh_walk_psi", points, [](const auto& p) { return p.nulls.fresh; },
      "a walk of other minibatches along the measured directions, mean over seeds");
  add_exponent(
      group, "half_psi", points, [](const auto& p) { return p.nulls.half; },
      "directions and variance of one half of the window, mean over seeds");
  add_exponent(
      group, "held_out_psi", points, [](const auto& p) { return p.nulls.held_out; },
      "the same directions, variance in the other half, mean over seeds");
}

/// True when replicas differ in width and seed alone, so that a table by width and seed says everything.
bool is_width_scan(const std::vector<WorkUnit>& units) {
  return std::ranges::all_of(units, [&](const WorkUnit& unit) {
    auto other = unit.replica;
    other.width = units.front().replica.width;
    return same_grid_point(other, units.front().replica);
  });
}

void add_width_scan(Group& group, const std::vector<WorkUnit>& units, const std::vector<UnitResult>& results,
                    std::size_t layer) {
  std::set<std::int32_t> widths;
  std::set<std::int64_t> seeds;
  for (const auto& unit : units) {
    widths.insert(static_cast<std::int32_t>(unit.replica.width));
    seeds.insert(unit.replica.seed);
  }
  std::vector<double> table(widths.size() * seeds.size(), absent);
  for (std::size_t i = 0; i < units.size(); ++i) {
    if (results[i].status != "done") continue;
    const auto row = std::distance(widths.begin(), widths.find(static_cast<std::int32_t>(units[i].replica.width)));
    const auto column = std::distance(seeds.begin(), seeds.find(units[i].replica.seed));
    table[static_cast<std::size_t>(row) * seeds.size() + static_cast<std::size_t>(column)] =
        static_cast<double>(results[i].layers[layer].learning_dimension);
  }
  std::vector<double> means, stds;
  for (std::size_t row = 0; row < widths.size(); ++row) {
    std::vector<double> known;
    for (std::size_t column = 0; column < seeds.size(); ++column)
      if (std::isfinite(table[row * seeds.size() + column])) known.push_back(table[row * seeds.size() + column]);
    means.push_back(spread(known).mean);
    stds.push_back(spread(known).std);
  }
  const std::vector<std::int32_t> width_values(widths.begin(), widths.end());
  const std::vector<std::int64_t> seed_values(seeds.begin(), seeds.end());
  group.add("width", std::span(width_values), {width_values.size()}, {"width"});
  group.add("seed", std::span(seed_values), {seed_values.size()}, {"seed"});
  group.add("learning_dimension", std::span<const double>(table), {widths.size(), seeds.size()}, {"width", "seed"})
      .description = "directions that hold 99.9 % of the variance; NaN where the replica is not done";
  group.add("mean", std::span<const double>(means), {means.size()}, {"width"});
  group.add("std", std::span<const double>(stds), {stds.size()}, {"width"});
}

}  // namespace

Group summary_tree(const Config& config, const std::vector<GridPointSummary>& points,
                   const std::vector<WorkUnit>& units, const std::vector<UnitResult>& results) {
  Group summary;
  for (std::size_t layer = 0; layer < config.pca.layers.size(); ++layer) {
    const auto& name = config.pca.layers[layer];
    Points of_layer;
    for (const auto& point : points)
      if (point.layer == name) of_layer.push_back(&point);
    add_psi_table(summary.group("psi/" + name), of_layer);
    if (config.dynamics.measure) add_dynamics_table(summary.group("dynamics/" + name), of_layer);
    if (config.nulls.measure) add_nulls_table(summary.group("nulls/" + name), of_layer);
    if (is_width_scan(units)) add_width_scan(summary.group("learning_dimension/" + name), units, results, layer);
  }
  return summary;
}

}  // namespace flatsweep
