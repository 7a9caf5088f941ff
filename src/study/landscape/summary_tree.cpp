#include "flatsweep/study/summary/summary.hpp"
#include "learning_dimension_tree.hpp"

#include <functional>

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

void add_text(Group& group, const std::string& name, const Points& points,
              const std::function<std::string(const GridPointSummary&)>& text) {
  std::vector<std::string> values;
  for (const auto* point : points) values.push_back(text(*point));
  group.add(name, std::span<const std::string>(values), {"point"});
}

/// Columns name, name_low, name_high, name_points, name_seeds, name_interval, name_status.
void add_exponent(Group& group, const std::string& name, const Points& points,
                  const std::function<Exponent(const GridPointSummary&)>& exponent, const std::string& of) {
  add_real(
      group, name.c_str(), points, [&](const auto& p) { return exponent(p).value; }, ("exponent of " + of).c_str());
  add_real(
      group, (name + "_low").c_str(), points, [&](const auto& p) { return exponent(p).low; },
      "lower end of its 95 % interval");
  add_real(
      group, (name + "_high").c_str(), points, [&](const auto& p) { return exponent(p).high; },
      "upper end of its 95 % interval");
  add_integer(
      group, (name + "_points").c_str(), points, [&](const auto& p) { return exponent(p).points; },
      "points that entered, all seeds together");
  add_integer(
      group, (name + "_seeds").c_str(), points, [&](const auto& p) { return exponent(p).seeds; },
      "seeds that have this exponent; the value is their mean");
  add_text(group, name + "_interval", points,
           [&](const auto& p) { return std::string(to_string(exponent(p).interval)); });
  add_text(group, name + "_status", points, [&](const auto& p) { return std::string(to_string(exponent(p).status)); });
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
      group, "psi", points, [](const auto& p) { return p.psi.all; }, "variance against flatness, mean over seeds");
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
    if (is_width_scan(units))
      merge(summary.group("learning_dimension/" + name), learning_dimension_tree(units, results, layer));
  }
  return summary;
}

}  // namespace flatsweep
